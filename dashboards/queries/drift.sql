-- How far each model moved from its baseline, wave by wave, where both hold two samples a prompt. Grain: (wave, model).
-- drift: MMD² of the combined kernel, unbiased, so it may be negative; noise_mean and noise are mean and SD of its null.
select wave_id, wave_date, model, purpose, reference, drift, noise_mean, noise, p_adjusted, n_prompts, is_alarm
from out.drift_by_model
where
    panel = $panel
    and wave_date <= $wave_date
    and reference_kind = 'baseline'
    and capability = 'overall'
    and kernel = 'combined'
    and method in ('mmd', 'identical')
order by wave_date, wave_id, model
