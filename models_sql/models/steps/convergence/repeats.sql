-- How alike the samples of one model on one prompt are, under both kernels.
-- Grain: (kernel, model_key, prompt_key). Only where the model has two samples or more.
with shared_tokens as (
    select
        a.model_key,
        a.prompt_key,
        {{ bounded_sum(kernel_part('a.frequency', 'b.frequency')) }} as total
    from {{ ref('answer_tokens') }} as a
    inner join {{ ref('answer_tokens') }} as b
        on a.prompt_key = b.prompt_key
        and a.model_key = b.model_key
        and a.token_key = b.token_key
        and a.sample_rank < b.sample_rank
    group by a.model_key, a.prompt_key
)

select
    'semantic' as kernel,
    slice_key,
    model_key,
    prompt_key,
    (
        n_samples * n_samples * cast(array_inner_product(mean_vector, mean_vector) as double) - norms
    ) / (n_samples * (n_samples - 1)) as repeat
from {{ ref('semantic_means') }}
where n_samples > 1

union all

select
    'distributional' as kernel,
    answers.slice_key,
    answers.model_key,
    answers.prompt_key,
    coalesce(shared_tokens.total, 0) * 2 / (answers.n_samples * (answers.n_samples - 1)) as repeat
from {{ ref('distributional_answers') }} as answers
left join shared_tokens using (model_key, prompt_key)
where answers.n_samples > 1 and answers.sample_rank = 0
