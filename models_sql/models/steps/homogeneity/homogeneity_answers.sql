-- The answers that homogeneity compares: those of whole waves, and which kernels can read them.
-- Grain: (prompt_key, model_key, sample_index).
-- has_vector: the semantic kernel reads it. has_tokens: 5 tokens or more, so the distributional kernel reads it.
select
    answers.slice_key,
    answers.prompt_key,
    answers.model_key,
    answers.sample_index,
    answers.text_key,
    vectors.text_key is not null as has_vector,
    tokens.text_key is not null as has_tokens
from {{ ref('grid_answers') }} as answers
semi join {{ ref('wave_slices') }} as wave_slices on answers.slice_key = wave_slices.slice_key
left join {{ ref('text_vectors') }} as vectors on answers.text_key = vectors.text_key
left join (select distinct text_key from {{ ref('text_tokens') }}) as tokens on answers.text_key = tokens.text_key
