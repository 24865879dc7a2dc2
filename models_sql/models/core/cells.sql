-- What was to be asked in the waves that take part, and what became of it.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose).
select
    cells.wave_id,
    cells.wave_date,
    cells.panel,
    cells.model_requested,
    cells.endpoint,
    roster.endpoint_kind,
    cells.prompt_id,
    prompts.capability,
    prompts.family,
    cells.sample_index,
    cells.purpose,
    case when kept_out.wave_id is not null then 'quarantined' else cells.outcome end as state,
    cells.n_attempts,
    cells.error_class
from {{ ref('cell_attempts') }} as cells
semi join {{ ref('waves') }} as waves on cells.wave_id = waves.wave_id
left join {{ ref('battery_prompts') }} as prompts
    on cells.wave_id = prompts.wave_id and cells.prompt_id = prompts.prompt_id
left join {{ ref('rosters') }} as roster
    on cells.wave_id = roster.wave_id and cells.model_requested = roster.model
left join {{ ref('kept_out') }} as kept_out
    on cells.wave_id = kept_out.wave_id
    and cells.model_requested = kept_out.model_requested
    and cells.prompt_id = kept_out.prompt_id
    and cells.sample_index = kept_out.sample_index
    and cells.purpose = kept_out.purpose
