-- The answers that the distributional kernel can compare (5 tokens or more), ranked within their cell.
-- Grain: (model_key, prompt_key, sample_rank). sample_rank from 0; n_samples of this model on this prompt.
select
    answers.slice_key,
    answers.prompt_key,
    answers.model_key,
    answers.text_key,
    cast(row_number() over samples - 1 as integer) as sample_rank,
    cast(count(*) over (partition by answers.prompt_key, answers.model_key) as integer) as n_samples
from {{ ref('grid_answers') }} as answers
semi join {{ ref('text_tokens') }} as tokens on answers.text_key = tokens.text_key
where answers.is_distributional
window samples as (partition by answers.prompt_key, answers.model_key order by answers.sample_index)
