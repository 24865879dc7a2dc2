-- Match and chance of every pair under the semantic kernel: chance is the mean over all pairs of different
-- prompts, in closed form from the sum vectors.
-- Grain: (slice_key, model_a, model_b).
-- chance_terms: how many products chance is the mean of; part_terms: in how many of them one prompt takes part.
with matches as (
    select slice_key, model_a, model_b, {{ exact_sum('match') }} as match_total
    from {{ ref('semantic_pair_prompts') }}
    group by slice_key, model_a, model_b
)

select
    pairs.slice_key,
    pairs.model_a,
    pairs.model_b,
    pairs.n_prompts,
    matches.match_total,
    pairs.total_product - matches.match_total as chance_total,
    pairs.n_prompts * (pairs.n_prompts - 1) as chance_terms,
    2 * (pairs.n_prompts - 1) as part_terms
from {{ ref('semantic_sums') }} as pairs
inner join matches using (slice_key, model_a, model_b)
