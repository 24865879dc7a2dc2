-- Whether two models refuse the same prompts (models), and two detectors see the same refusals (detectors).
-- Grain: (comparison, detector_a, detector_b, model_a, model_b). kappa: 0 = chance, 1 = the same; a null has a reason.
select
    comparison,
    detector_a,
    detector_b,
    model_a,
    model_b,
    kappa,
    ci_low,
    ci_high,
    agreement_share,
    refusal_share_a,
    refusal_share_b,
    n_pairs,
    n_prompts,
    n_answers,
    reason
from out.refusal_agreement
where wave_id = $wave_id and capability = 'overall'
order by comparison desc, model_a <> '(all)', detector_a, detector_b, kappa desc nulls last, model_a, model_b
