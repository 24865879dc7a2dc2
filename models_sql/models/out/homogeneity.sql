-- How much models repeat themselves and one another: mean kernel between answers to one prompt, chance left in.
-- Grain: (wave_id, capability, kernel, measure, model); model `(all)` is the wave as a whole.
-- measure repetition: samples of one model; similarity: answers of different models. kernel: 1 = equal texts.
-- effective_answers: Vendi score, how many really different answers there are among n_answers. A null has a reason.
with subjects as (
    select wave_id, capability, kernels.kernel, measures.measure, null as model_key
    from {{ ref('wave_capabilities') }}
    cross join (values ('semantic'), ('distributional')) as kernels (kernel)
    cross join (values ('repetition'), ('similarity')) as measures (measure)

    union all

    select wave_id, capability, kernel, measure, model_key
    from {{ ref('homogeneity_estimates') }}
    where model_key is not null
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    subjects.capability,
    subjects.kernel,
    subjects.measure,
    coalesce(models.model, '(all)') as model,
    coalesce(estimates.n_models, 0) as n_models,
    coalesce(estimates.n_prompts, 0) as n_prompts,
    coalesce(estimates.n_pairs, 0) as n_pairs,
    estimates.value as mean_kernel,
    estimates.ci_low,
    estimates.ci_high,
    estimates.above_share as above_08_share,
    estimates.above_share_ci_low as above_08_ci_low,
    estimates.above_share_ci_high as above_08_ci_high,
    estimates.n_answers,
    estimates.effective as effective_answers,
    estimates.effective_ci_low,
    estimates.effective_ci_high,
    estimates.effective_share,
    estimates.effective_share_ci_low,
    estimates.effective_share_ci_high,
    case when estimates.wave_id is null then 'no model counts in this wave' else estimates.reason end as reason
from subjects
inner join {{ ref('waves') }} as waves on subjects.wave_id = waves.wave_id
left join {{ ref('homogeneity_estimates') }} as estimates
    on subjects.wave_id = estimates.wave_id
    and subjects.capability = estimates.capability
    and subjects.kernel = estimates.kernel
    and subjects.measure = estimates.measure
    and subjects.model_key is not distinct from estimates.model_key
left join {{ ref('model_keys') }} as models on subjects.model_key = models.model_key
