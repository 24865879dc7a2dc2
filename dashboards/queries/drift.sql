-- How far each model moved, wave by wave: from its baseline where both hold two samples a prompt, else from a pool of its
-- earlier waves. Grain: (wave, model, reference_kind).
-- drift, combined kernel: mmd: MMD², unbiased, so it may be negative; pool: mean kernel within the pool less with the new
-- answers, either sign. noise_mean and noise are mean and SD of its null.
select
    wave_id,
    wave_date,
    model,
    purpose,
    reference_kind,
    reference,
    drift,
    noise_mean,
    noise,
    p_adjusted,
    n_prompts,
    n_waves,
    is_alarm
from out.drift_by_model
where
    panel = $panel
    and wave_date <= $wave_date
    and capability = 'overall'
    and kernel = 'combined'
    and (reference_kind = 'baseline' and method in ('mmd', 'identical') or reference_kind = 'pool')
order by wave_date, wave_id, model, reference_kind
