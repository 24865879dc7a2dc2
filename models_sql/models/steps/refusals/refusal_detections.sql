-- Whether each detector calls each answer of a counted model a refusal.
-- Grain: (wave_id, model, prompt_id, sample_index, detector). Another detector is one more branch of the union.
-- rule: the list of phrases in macros/rules.sql; answers that it cannot read have no row. A cell that the API
-- declined is a refusal: no text, but no outage either.
with counted as (
    select wave_id, model_requested as model
    from {{ ref('model_waves') }}
    where not is_withheld and purpose = 'measure'
)

select
    features.wave_id,
    prompts.capability,
    features.model_requested as model,
    features.prompt_id,
    features.sample_index,
    'rule' as detector,
    features.is_refusal_rule as is_refusal
from {{ ref('response_features') }} as features
inner join {{ ref('battery_prompts') }} as prompts using (wave_id, prompt_id)
semi join counted on features.wave_id = counted.wave_id and features.model_requested = counted.model
where features.purpose = 'measure' and features.is_refusal_rule is not null

union all

select
    cells.wave_id,
    cells.capability,
    cells.model_requested as model,
    cells.prompt_id,
    cells.sample_index,
    'rule' as detector,
    true as is_refusal
from {{ ref('cells') }} as cells
semi join counted on cells.wave_id = counted.wave_id and cells.model_requested = counted.model
where cells.purpose = 'measure' and cells.state = 'declined'
