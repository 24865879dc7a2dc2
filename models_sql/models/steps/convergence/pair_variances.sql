-- Jackknife of a pair's own convergence: its two models are given, so only prompts are left out, one at a time.
-- Grain: (grid_key, capability, kernel, model_a, model_b), whole waves only.
-- variance: (n - 1) / n times the sum of squared deviations, for overall the sum over capabilities by n squared.
with changes as (
    select
        changes.slice_key,
        changes.model_a,
        changes.model_b,
        changes.prompt_key,
        parts_of.whole as kernel,
        sum(parts_of.share * changes.change order by changes.kernel) as change
    from {{ ref('pair_prompt_changes') }} as changes
    inner join (
        values
            ('semantic', 'semantic', 1.0), ('distributional', 'distributional', 1.0),
            ('combined', 'semantic', 0.4), ('combined', 'distributional', 0.6)
    ) as parts_of (whole, kernel, share)
        on changes.kernel = parts_of.kernel
    group by all
),

by_capability as (
    select
        slices.grid_key,
        slices.capability,
        changes.kernel,
        changes.model_a,
        changes.model_b,
        count(changes.change) as n_prompts,
        (count(changes.change) - 1) * var_pop(changes.change order by changes.prompt_key) as variance
    from changes
    inner join {{ ref('slices') }} as slices using (slice_key)
    semi join (select grid_key from {{ ref('grids') }} where reference is null) as whole
        on slices.grid_key = whole.grid_key
    group by slices.grid_key, slices.capability, changes.kernel, changes.model_a, changes.model_b
),

variances as (
    select
        grid_key,
        capability,
        kernel,
        model_a,
        model_b,
        variance,
        variance * variance / nullif(n_prompts - 1, 0) as squared_over_df
    from by_capability

    union all

    select
        grid_key,
        'overall' as capability,
        kernel,
        model_a,
        model_b,
        sum(variance order by capability) / pow(count(*), 2) as variance,
        sum(variance * variance / nullif(n_prompts - 1, 0) order by capability) / pow(count(*), 4) as squared_over_df
    from by_capability
    group by grid_key, kernel, model_a, model_b
)

select
    grid_key,
    capability,
    kernel,
    model_a,
    model_b,
    variance,
    variance * variance / nullif(squared_over_df, 0) as degrees_of_freedom
from variances
