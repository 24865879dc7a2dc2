-- Tokens of every answer that the distributional kernel can compare.
-- Grain: (model_key, prompt_key, sample_rank, token_key).
select
    answers.slice_key,
    answers.prompt_key,
    answers.model_key,
    answers.sample_rank,
    answers.n_samples,
    tokens.token_key,
    tokens.frequency
from {{ ref('distributional_answers') }} as answers
inner join {{ ref('text_tokens') }} as tokens using (text_key)
