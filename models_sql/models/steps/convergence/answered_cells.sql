-- The models and prompts of each wave that convergence counts, and which kernel can read an answer there.
-- Grain: (wave_id, model, prompt_id).
select
    answers.wave_id,
    answers.model,
    answers.prompt_id,
    bool_or(vectors.text_key is not null) as has_vector,
    bool_or(tokens.text_key is not null) as has_tokens
from {{ ref('measured_answers') }} as answers
left join {{ ref('text_vectors') }} as vectors using (text_key)
left join (select distinct text_key from {{ ref('text_tokens') }}) as tokens using (text_key)
group by answers.wave_id, answers.model, answers.prompt_id
