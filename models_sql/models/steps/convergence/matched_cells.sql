-- Models and prompts answered in both waves of a comparison.
-- Grain: (wave_id, reference, model, prompt_id).
-- has_vector, has_tokens: the semantic and the distributional kernel can read an answer of both waves.
select distinct
    compared.wave_id,
    compared.reference,
    now_answered.model,
    now_answered.prompt_id,
    now_answered.has_vector and then_answered.has_vector as has_vector,
    now_answered.has_tokens and then_answered.has_tokens as has_tokens
from {{ ref('wave_references') }} as compared
inner join {{ ref('answered_cells') }} as now_answered on compared.wave_id = now_answered.wave_id
inner join {{ ref('answered_cells') }} as then_answered
    on compared.reference = then_answered.wave_id
    and now_answered.model = then_answered.model
    and now_answered.prompt_id = then_answered.prompt_id
