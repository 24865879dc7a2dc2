-- Every drift test of the wave over all capabilities, alarms first. Grain: (model, reference_kind, kernel).
-- p_adjusted null: not tested. method distance: drift is a mean distance, not an MMD².
select
    model,
    purpose,
    reference_kind,
    reference,
    kernel,
    method,
    drift,
    noise,
    p_adjusted,
    n_prompts,
    n_samples,
    is_alarm,
    cause,
    identity_changed
from out.drift_by_model
where wave_id = $wave_id and capability = 'overall'
order by is_alarm desc, model, reference_kind desc, kernel
