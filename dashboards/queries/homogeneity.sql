-- How much models repeat themselves (repetition) and one another (similarity), over all capabilities, chance left in.
-- Grain: (kernel, measure, model); `(all)` is the wave. effective_answers: Vendi score among n_answers. A null has a reason.
select
    kernel,
    measure,
    model,
    mean_kernel,
    ci_low,
    ci_high,
    above_08_share,
    above_08_ci_low,
    above_08_ci_high,
    effective_answers,
    effective_ci_low,
    effective_ci_high,
    n_answers,
    n_models,
    n_prompts,
    n_pairs,
    reason
from out.homogeneity
where wave_id = $wave_id and capability = 'overall'
order by kernel, measure, model <> '(all)', model
