-- Whether each detector calls each answer of a counted model a refusal.
-- Grain: (wave_id, model, prompt_id, sample_index, detector).
-- Detectors are those of core.detections; an answer that one of them cannot read has no row of it. A cell that the
-- API declined is a refusal by rule: no text, but no outage either.
with counted as (
    select wave_id, model_requested as model
    from {{ ref('model_waves') }}
    where not is_withheld and purpose = 'measure'
)

select
    detections.wave_id,
    prompts.capability,
    detections.model,
    detections.prompt_id,
    detections.sample_index,
    detections.detector,
    detections.is_positive as is_refusal
from {{ ref('detections') }} as detections
inner join {{ ref('battery_prompts') }} as prompts using (wave_id, prompt_id)
semi join counted on detections.wave_id = counted.wave_id and detections.model = counted.model
where detections.purpose = 'measure' and detections.behaviour = 'refusal' and detections.is_positive is not null

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
