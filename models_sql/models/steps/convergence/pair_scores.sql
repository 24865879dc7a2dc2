-- Every pair in every grid, by capability and overall, under each kernel and both combined.
-- Grain: (grid_key, capability, kernel, model_a, model_b).
-- combined: 0.4 semantic + 0.6 distributional, of every column; null where one is null.
-- overall: mean over the capabilities of the battery, n_prompts their sum; null where one capability is null.
with kernels as (
    select
        slices.grid_key,
        slices.capability,
        pairs.kernel,
        pairs.model_a,
        pairs.model_b,
        pairs.n_prompts,
        pairs.match,
        pairs.chance,
        pairs.ceiling,
        pairs.convergence,
        pairs.relative
    from {{ ref('kernel_pairs') }} as pairs
    inner join {{ ref('slices') }} as slices using (slice_key)
),

with_combined as (
    select * from kernels

    union all by name

    select
        semantic.grid_key,
        semantic.capability,
        'combined' as kernel,
        semantic.model_a,
        semantic.model_b,
        least(semantic.n_prompts, distributional.n_prompts) as n_prompts,
        0.4 * semantic.match + 0.6 * distributional.match as match,
        0.4 * semantic.chance + 0.6 * distributional.chance as chance,
        0.4 * semantic.ceiling + 0.6 * distributional.ceiling as ceiling,
        0.4 * semantic.convergence + 0.6 * distributional.convergence as convergence,
        0.4 * semantic.relative + 0.6 * distributional.relative as relative
    from (select * from kernels where kernel = 'semantic') as semantic
    inner join (select * from kernels where kernel = 'distributional') as distributional
        using (grid_key, capability, model_a, model_b)
),

capability_counts as (
    select grid_key, count(*) as n_capabilities
    from {{ ref('slices') }}
    group by grid_key
),

overall as (
    select
        scores.grid_key,
        'overall' as capability,
        scores.kernel,
        scores.model_a,
        scores.model_b,
        cast(sum(scores.n_prompts) as bigint) as n_prompts,
        {% for column in ['match', 'chance', 'ceiling', 'convergence', 'relative'] -%}
        case
            when count(scores.{{ column }}) = any_value(counts.n_capabilities)
                then {{ exact_mean('scores.' ~ column) }}
        end as {{ column }}{{ "," if not loop.last }}
        {% endfor %}
    from with_combined as scores
    inner join capability_counts as counts using (grid_key)
    group by scores.grid_key, scores.kernel, scores.model_a, scores.model_b
)

select * from with_combined
union all by name
select * from overall
