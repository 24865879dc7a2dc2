-- The prompts every pair shares under the distributional kernel.
-- Grain: (slice_key, model_a, model_b). Pairs with fewer than 5 shared prompts are left out.
-- set_key: pairs that share the same prompts have the same; mostly one a slice.
-- n_orders: orders of the prompts that chance is taken over, 1 to 20.
with prompt_sets as (
    select slice_key, model_key, list(distinct prompt_key order by prompt_key) as prompts
    from {{ ref('distributional_answers') }}
    group by slice_key, model_key
),

pairs as (
    select
        a.slice_key,
        a.model_key as model_a,
        b.model_key as model_b,
        case
            when a.prompts = b.prompts then a.prompts
            else list_sort(list_intersect(a.prompts, b.prompts))
        end as prompts
    from prompt_sets as a
    inner join prompt_sets as b on a.slice_key = b.slice_key and a.model_key < b.model_key
)

select
    slice_key,
    model_a,
    model_b,
    prompts,
    len(prompts) as n_prompts,
    cast(least(20, greatest(1, 3000 // len(prompts))) as integer) as n_orders,
    cast(dense_rank() over (order by prompts) as integer) as set_key
from pairs
where len(prompts) >= 5
