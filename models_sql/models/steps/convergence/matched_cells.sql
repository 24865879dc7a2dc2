-- Models and prompts answered in both waves of a comparison.
-- Grain: (wave_id, reference, model, prompt_id).
with answered as (
    select distinct wave_id, model, prompt_id
    from {{ ref('measured_answers') }}
)

select distinct
    compared.wave_id,
    compared.reference,
    now_answered.model,
    now_answered.prompt_id
from {{ ref('wave_references') }} as compared
inner join answered as now_answered on compared.wave_id = now_answered.wave_id
inner join answered as then_answered
    on compared.reference = then_answered.wave_id
    and now_answered.model = then_answered.model
    and now_answered.prompt_id = then_answered.prompt_id
