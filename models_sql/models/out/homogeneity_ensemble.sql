-- Does asking n models once give more really different answers than asking one model n times?
-- Grain: (wave_id, capability, kernel). n is the fewer of models and samples a prompt: what both sides can give.
-- Both sides are Vendi scores, means over prompts that allow both: over sets of n models (every set, or as many as
-- n_sets says, drawn under the seed), and over models. Intervals are over prompts; the models are taken as given.
select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    wave_capabilities.capability,
    kernels.kernel,
    coalesce(estimates.n_models, 0) as n_models,
    coalesce(estimates.n_prompts, 0) as n_prompts,
    cast(estimates.n_answers as bigint) as n_answers,
    estimates.n_sets,
    estimates.seed,
    estimates.of_models as models_effective,
    estimates.of_models_ci_low as models_ci_low,
    estimates.of_models_ci_high as models_ci_high,
    estimates.of_repeats as repeats_effective,
    estimates.of_repeats_ci_low as repeats_ci_low,
    estimates.of_repeats_ci_high as repeats_ci_high,
    estimates.value as difference,
    estimates.ci_low,
    estimates.ci_high,
    case when estimates.wave_id is null then 'no model counts in this wave' else estimates.reason end as reason
from {{ ref('wave_capabilities') }} as wave_capabilities
inner join {{ ref('waves') }} as waves using (wave_id)
cross join (values ('semantic'), ('distributional')) as kernels (kernel)
left join {{ ref('homogeneity_estimates') }} as estimates
    on wave_capabilities.wave_id = estimates.wave_id
    and wave_capabilities.capability = estimates.capability
    and kernels.kernel = estimates.kernel
    and estimates.measure = 'ensemble'
