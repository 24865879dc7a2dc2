-- What the wave was: kind, battery, size. Grain: one row a wave, the one shown.
-- n_models counts members; canaries take no part in convergence and stand apart.
select
    waves.wave_id,
    waves.wave_date,
    waves.wave_kind,
    waves.battery,
    waves.battery_version,
    records.code_version,
    count(distinct cells.model_requested) filter (cells.purpose = 'measure') as n_models,
    count(distinct cells.model_requested) filter (cells.purpose = 'canary') as n_canaries,
    count(distinct cells.prompt_id) as n_prompts,
    max(cells.sample_index) + 1 as n_samples,
    count(cells.prompt_id) as n_cells
from core.waves as waves
left join core.cells as cells on cells.wave_id = waves.wave_id
left join ops.waves as records on records.wave_id = waves.wave_id
where waves.wave_id = $wave_id
group by all
