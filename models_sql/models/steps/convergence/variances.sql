-- Two-way jackknife: the variance of each estimate from leaving out one model at a time, and one prompt at a
-- time within each capability.
-- Grain: (estimate_key, capability, kernel). Null under 3 models.
-- variance: model_variance (V_models) + prompt_variance (the sum of V_c over capabilities); degrees_of_freedom by
-- Satterthwaite. Overall is estimated over the pairs that every capability scores, and so are its two variances.
with by_model as (
    select
        estimates.estimate_key,
        influences.capability,
        influences.kernel,
        influences.left_out_key,
        {{ exact_sum('estimates.sign * influences.influence') }} as influence
    from {{ ref('estimates') }} as estimates
    inner join {{ ref('model_influences') }} as influences using (grid_key, subject_key)
    group by estimates.estimate_key, influences.capability, influences.kernel, influences.left_out_key
),

by_prompt as (
    select
        estimates.estimate_key,
        influences.capability,
        influences.is_overall,
        influences.kernel,
        influences.prompt_id,
        {{ exact_sum('estimates.sign * influences.influence') }} as influence
    from {{ ref('estimates') }} as estimates
    inner join {{ ref('prompt_influences') }} as influences using (grid_key, subject_key)
    group by
        estimates.estimate_key,
        influences.capability,
        influences.is_overall,
        influences.kernel,
        influences.prompt_id
),

-- (n - 1) / n times the sum of squared deviations; the order makes the same digits every time
model_variances as (
    select
        estimate_key,
        capability,
        kernel,
        count(influence) as n_models,
        (count(influence) - 1) * var_pop(influence order by left_out_key) as variance
    from by_model
    group by estimate_key, capability, kernel
),

capability_variances as (
    select
        estimate_key,
        capability,
        is_overall,
        kernel,
        count(influence) as n_prompts,
        (count(influence) - 1) * var_pop(influence order by prompt_id) as variance
    from by_prompt
    group by estimate_key, capability, is_overall, kernel
),

-- over the pairs of overall, which are all pairs of the capability where it has no variance of them apart
overall_parts as (
    select *
    from capability_variances
    qualify is_overall = bool_or(is_overall) over (partition by estimate_key, capability, kernel)
),

prompt_variances as (
    select
        estimate_key,
        capability,
        kernel,
        variance,
        variance * variance / (n_prompts - 1) as squared_over_df
    from capability_variances
    where not is_overall

    union all

    -- a capability is one of the n that overall is the mean of
    select
        estimate_key,
        'overall' as capability,
        kernel,
        sum(variance order by capability) / pow(count(*), 2) as variance,
        sum(variance * variance / (n_prompts - 1) order by capability) / pow(count(*), 4) as squared_over_df
    from overall_parts
    group by estimate_key, kernel
)

select
    models.estimate_key,
    models.capability,
    models.kernel,
    models.variance as model_variance,
    prompts.variance as prompt_variance,
    models.variance + prompts.variance as variance,
    pow(models.variance + prompts.variance, 2)
    / nullif(models.variance * models.variance / (models.n_models - 1) + prompts.squared_over_df, 0) as degrees_of_freedom
from model_variances as models
inner join prompt_variances as prompts using (estimate_key, capability, kernel)
where models.n_models >= 2
