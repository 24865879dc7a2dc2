-- What each shared prompt adds to the semantic kernel of a pair.
-- Grain: (slice_key, model_a, model_b, prompt_key).
-- match: mean cosine over all pairs of samples. chance_part: sum of the products with answers to other prompts
-- in which this prompt's answers take part, on either side.
with products as (
    select
        pairs.slice_key,
        pairs.model_a,
        pairs.model_b,
        a.prompt_key,
        array_inner_product(a.mean_vector, b.mean_vector) as match,
        array_inner_product(a.mean_vector, pairs.total_b) as a_with_others,
        array_inner_product(b.mean_vector, pairs.total_a) as b_with_others
    from {{ ref('semantic_means') }} as a
    inner join {{ ref('semantic_means') }} as b on a.prompt_key = b.prompt_key and a.model_key < b.model_key
    inner join {{ ref('semantic_sums') }} as pairs
        on a.slice_key = pairs.slice_key and a.model_key = pairs.model_a and b.model_key = pairs.model_b
)

select
    slice_key,
    model_a,
    model_b,
    prompt_key,
    cast(match as double) as match,
    cast(a_with_others as double) + b_with_others - 2 * cast(match as double) as chance_part
from products
