-- The mean vector of a model's samples on a prompt. The mean kernel over all pairs of samples of two models
-- is the product of their mean vectors.
-- Grain: (model_key, prompt_key). Answers without an embedding are left out.
-- norms: sum of the samples' squared lengths, near n_samples.
with counted as (
    select
        answers.slice_key,
        answers.prompt_key,
        answers.model_key,
        answers.text_key,
        count(*) over (partition by answers.prompt_key, answers.model_key) as n_samples
    from {{ ref('grid_answers') }} as answers
    semi join {{ ref('text_vectors') }} as vectors on answers.text_key = vectors.text_key
    where answers.is_semantic
),

sums as (
    select
        counted.slice_key,
        counted.prompt_key,
        counted.model_key,
        counted.n_samples,
        {{ exact_sum('array_inner_product(vectors.vector, vectors.vector)') }} as norms,
        {{ vector_sum('vectors.vector') }} as total
    from counted
    inner join {{ ref('text_vectors') }} as vectors on counted.text_key = vectors.text_key
    where counted.n_samples > 1
    group by counted.slice_key, counted.prompt_key, counted.model_key, counted.n_samples
)

select
    counted.slice_key,
    counted.prompt_key,
    counted.model_key,
    counted.n_samples,
    1.0 as norms,
    vectors.vector as mean_vector
from counted
inner join {{ ref('text_vectors') }} as vectors on counted.text_key = vectors.text_key
where counted.n_samples = 1

union all

select
    slice_key,
    prompt_key,
    model_key,
    n_samples,
    norms,
    {{ vector_over('total', 'n_samples') }} as mean_vector
from sums
