-- How alike a pair could be at most: as alike as each model is to itself, on the prompts where both have
-- two samples or more.
-- Grain: (kernel, slice_key, model_a, model_b).
-- ceiling: geometric mean of the two repeats (semantic; null where one is negative), their mean (distributional).
with repeats as (
    select
        a.kernel,
        a.slice_key,
        a.model_key as model_a,
        b.model_key as model_b,
        count(*) as n_prompts,
        {{ exact_mean('a.repeat') }} as repeat_a,
        {{ exact_mean('b.repeat') }} as repeat_b
    from {{ ref('repeats') }} as a
    inner join {{ ref('repeats') }} as b
        on a.kernel = b.kernel and a.prompt_key = b.prompt_key and a.model_key < b.model_key
    group by a.kernel, a.slice_key, a.model_key, b.model_key
)

select
    kernel,
    slice_key,
    model_a,
    model_b,
    n_prompts,
    case
        when kernel = 'distributional' then (repeat_a + repeat_b) / 2
        when repeat_a >= 0 and repeat_b >= 0 then sqrt(repeat_a * repeat_b)
    end as ceiling
from repeats
