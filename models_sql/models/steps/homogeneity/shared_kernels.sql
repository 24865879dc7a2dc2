-- The distributional kernel between every two answers to one prompt, of one model or of two.
-- Grain: (prompt_key, model_a, sample_a, model_b, sample_b), the first before the second. Answers without a common
-- token have no row: theirs is 0.
with answer_tokens as (
    select
        answers.slice_key,
        answers.prompt_key,
        answers.model_key,
        answers.sample_index,
        tokens.token_key,
        tokens.frequency
    from {{ ref('homogeneity_answers') }} as answers
    inner join {{ ref('text_tokens') }} as tokens using (text_key)
)

select
    a.slice_key,
    a.prompt_key,
    a.model_key as model_a,
    a.sample_index as sample_a,
    b.model_key as model_b,
    b.sample_index as sample_b,
    {{ bounded_sum(kernel_part('a.frequency', 'b.frequency')) }} as kernel
from answer_tokens as a
inner join answer_tokens as b
    on a.prompt_key = b.prompt_key
    and a.token_key = b.token_key
    and (a.model_key < b.model_key or (a.model_key = b.model_key and a.sample_index < b.sample_index))
group by a.slice_key, a.prompt_key, a.model_key, a.sample_index, b.model_key, b.sample_index
order by a.slice_key, a.prompt_key
