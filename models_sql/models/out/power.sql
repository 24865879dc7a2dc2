-- How small a difference an estimate of this wave can tell from nothing, and how many prompts would tell a given one.
-- Grain: (wave_id, estimate, capability, kernel, target_difference). Waves of under 3 models have no variance and no rows.
-- At 80 % power and 5 % two-sided a difference must be 2.80 = 1.96 + 0.84 standard errors.
-- prompts_needed: P * V_prompts / ((target / 2.80)^2 - V_models); null where no number of prompts is enough.
with targets (target_difference) as (
    values (0.01), (0.02), (0.05), (0.1), (0.2)
),

estimates as (
    select distinct
        estimates.estimate_key,
        estimates.wave_id,
        estimates.reference,
        coalesce(compared.reference_kind, 'score') as estimate
    from {{ ref('estimates') }} as estimates
    left join {{ ref('wave_references') }} as compared
        on estimates.wave_id = compared.wave_id and estimates.reference = compared.reference
    where estimates.subject_key <= 0
),

-- a difference has as many models and prompts as the smaller of its two sides
sizes as (
    select
        estimates.estimate_key,
        scores.capability,
        scores.kernel,
        min(scores.n_models) as n_models,
        min(scores.n_prompts) as n_prompts
    from {{ ref('estimates') }} as estimates
    inner join {{ ref('subject_scores') }} as scores using (grid_key, subject_key)
    where estimates.subject_key <= 0
    group by estimates.estimate_key, scores.capability, scores.kernel
),

needs as (
    select
        estimates.wave_id,
        estimates.estimate,
        estimates.reference,
        sizes.capability,
        sizes.kernel,
        sizes.n_models,
        sizes.n_prompts,
        sqrt(variances.variance) as standard_error,
        variances.model_variance,
        variances.prompt_variance,
        cast(targets.target_difference as double) as target_difference,
        pow(targets.target_difference / 2.8, 2) - variances.model_variance as room
    from estimates
    inner join sizes using (estimate_key)
    inner join {{ ref('variances') }} as variances using (estimate_key, capability, kernel)
    cross join targets
)

select
    waves.wave_id,
    waves.wave_date,
    waves.panel,
    waves.wave_kind,
    needs.estimate,
    needs.reference,
    needs.capability,
    needs.kernel,
    needs.n_models,
    needs.n_prompts,
    needs.standard_error,
    sqrt(needs.model_variance) as model_error,
    sqrt(needs.prompt_variance) as prompt_error,
    2.8 * needs.standard_error as detectable_difference,
    needs.target_difference,
    cast(
        case when needs.room > 0 then greatest(5, ceil(needs.n_prompts * needs.prompt_variance / needs.room)) end
        as bigint
    ) as prompts_needed,
    case
        when needs.room <= 0 then 'add models'
        when 2.8 * needs.standard_error <= needs.target_difference then 'enough'
        else 'add prompts'
    end as advice
from needs
inner join {{ ref('waves') }} as waves using (wave_id)
