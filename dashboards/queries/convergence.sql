-- Convergence of the panel, wave by wave, over all capabilities. Grain: (wave, kernel).
-- convergence = (match - chance) / (1 - chance): 0 = chance, 1 = identical; null: see reason.
select
    by_wave.wave_id,
    by_wave.wave_date,
    waves.wave_kind,
    by_wave.kernel,
    by_wave.convergence,
    by_wave.ci_low,
    by_wave.ci_high,
    by_wave.match,
    by_wave.chance,
    by_wave.ceiling,
    by_wave.n_models,
    by_wave.n_prompts,
    by_wave.reason,
    waves.battery_sha
from out.convergence_by_wave as by_wave
join core.waves as waves on waves.wave_id = by_wave.wave_id
where by_wave.panel = $panel and by_wave.capability = 'overall' and by_wave.wave_date <= $wave_date
order by by_wave.wave_date, by_wave.wave_id, by_wave.kernel
