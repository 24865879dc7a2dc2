-- Where the models that alarmed on this wave changed: their tests by capability and kernel, alarms only.
-- Grain: (model, capability, reference_kind, kernel). p_adjusted: Holm over all tests of the wave and reference kind.
select
    model,
    purpose,
    capability,
    reference_kind,
    reference,
    kernel,
    method,
    drift,
    noise_mean,
    noise,
    p_adjusted,
    p_confirmation,
    changed_share,
    n_prompts,
    n_samples,
    cause
from out.drift_by_model
where wave_id = $wave_id and is_alarm
order by model, reference_kind = 'baseline', capability <> 'overall', capability, kernel <> 'combined', kernel
