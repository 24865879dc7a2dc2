-- What can be read off a model's answers, now and in its reference, over all capabilities, least p first.
-- Grain: (model, reference_kind, feature). p_adjusted: Benjamini-Hochberg, for exploration: no alarm.
select
    model,
    purpose,
    feature,
    reference_kind,
    reference,
    method,
    mean_then,
    mean_now,
    difference,
    ci_low,
    ci_high,
    p_value,
    p_adjusted,
    n_prompts
from out.drift_of_features
where wave_id = $wave_id and capability = 'overall'
order by p_adjusted nulls last, p_value nulls last, model, reference_kind desc, feature
