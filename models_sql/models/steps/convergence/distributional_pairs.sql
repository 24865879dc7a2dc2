-- Match and chance of every pair under the distributional kernel.
-- Grain: (slice_key, model_a, model_b). Columns as in semantic_pairs; a prompt is an end of two links in each
-- order, each taken in both directions.
with totals as (
    select
        slice_key,
        model_a,
        model_b,
        {{ exact_sum('match') }} as match_total,
        {{ exact_sum('chance_part') }} / 2 as chance_total
    from {{ ref('distributional_pair_prompts') }}
    group by slice_key, model_a, model_b
)

select
    pairs.slice_key,
    pairs.model_a,
    pairs.model_b,
    pairs.n_prompts,
    totals.match_total,
    totals.chance_total,
    2 * pairs.n_orders * pairs.n_prompts as chance_terms,
    4 * pairs.n_orders as part_terms
from {{ ref('distributional_shared') }} as pairs
inner join totals using (slice_key, model_a, model_b)
