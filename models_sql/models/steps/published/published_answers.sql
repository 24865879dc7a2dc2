-- What the published methods read: every stored answer as it stands, error texts, dead and withheld models and empty
-- answers among them, because that is what they were computed over. Canaries and confirmation samples are left out.
-- Grain: (wave_id, model, prompt_id, sample_index). place: position of the cell in its plan; of an import, in its file.
with planned as (
    select wave_id, model_requested, prompt_id, sample_index, purpose, min(position) as place
    from {{ source('raw', 'planned_cells') }}
    group by all
)

select
    attempts.wave_id,
    attempts.model_requested as model,
    prompts.capability,
    attempts.prompt_id,
    attempts.sample_index,
    planned.place,
    min(attempts.response_text) as response_text
from {{ source('raw', 'attempts') }} as attempts
semi join {{ ref('waves') }} as waves on attempts.wave_id = waves.wave_id
semi join {{ ref('cell_attempts') }} as cells
    on attempts.wave_id = cells.wave_id
    and attempts.model_requested = cells.model_requested
    and attempts.prompt_id = cells.prompt_id
    and attempts.sample_index = cells.sample_index
    and attempts.purpose = cells.purpose
    and attempts.attempt = cells.attempt
inner join planned
    on attempts.wave_id = planned.wave_id
    and attempts.model_requested = planned.model_requested
    and attempts.prompt_id = planned.prompt_id
    and attempts.sample_index = planned.sample_index
    and attempts.purpose = planned.purpose
inner join {{ ref('battery_prompts') }} as prompts
    on attempts.wave_id = prompts.wave_id and attempts.prompt_id = prompts.prompt_id
where attempts.purpose = 'measure' and attempts.outcome in ('ok', 'empty') and attempts.response_text is not null
group by all
