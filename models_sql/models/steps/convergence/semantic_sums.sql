-- The product of the sum vectors of every pair over the prompts they share. On a complete grid the sums are each
-- model's own; where prompts are missing they are summed by pair.
-- Grain: (slice_key, model_a, model_b), model_a before model_b by name. Pairs with fewer than 5 shared prompts are left out.
-- total_product: the sum of the kernel over all pairs of prompts, equal ones too.
with prompt_sets as (
    select slice_key, model_key, list(prompt_key order by prompt_key) as prompts
    from {{ ref('semantic_means') }}
    group by slice_key, model_key
),

own_sums as (
    select slice_key, model_key, {{ vector_sum('mean_vector') }} as total
    from {{ ref('semantic_means') }}
    group by slice_key, model_key
),

pairs as (
    select
        a.slice_key,
        a.model_key as model_a,
        b.model_key as model_b,
        a.prompts = b.prompts as is_complete,
        len(a.prompts) as n_prompts
    from prompt_sets as a
    inner join prompt_sets as b on a.slice_key = b.slice_key and a.model_key < b.model_key
),

by_pair as (
    select
        pairs.slice_key,
        pairs.model_a,
        pairs.model_b,
        count(*) as n_prompts,
        {{ vector_sum('a.mean_vector') }} as total_a,
        {{ vector_sum('b.mean_vector') }} as total_b
    from pairs
    inner join {{ ref('semantic_means') }} as a
        on pairs.slice_key = a.slice_key and pairs.model_a = a.model_key
    inner join {{ ref('semantic_means') }} as b
        on a.prompt_key = b.prompt_key and pairs.model_b = b.model_key
    where not pairs.is_complete
    group by pairs.slice_key, pairs.model_a, pairs.model_b
),

sums as (
    select
        pairs.slice_key,
        pairs.model_a,
        pairs.model_b,
        pairs.n_prompts,
        a.total as total_a,
        b.total as total_b
    from pairs
    inner join own_sums as a on pairs.slice_key = a.slice_key and pairs.model_a = a.model_key
    inner join own_sums as b on pairs.slice_key = b.slice_key and pairs.model_b = b.model_key
    where pairs.is_complete

    union all

    select * from by_pair
)

select
    slice_key,
    model_a,
    model_b,
    n_prompts,
    array_inner_product(total_a, total_b) as total_product
from sums
where n_prompts >= 5
