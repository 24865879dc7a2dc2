-- The attempt behind every usable cell, with its text: one row a cell, even where raw holds a load twice.
-- Grain: (wave_id, model_requested, prompt_id, sample_index, purpose). Waves that take part and others alike.
select
    attempts.wave_id,
    attempts.model_requested,
    attempts.prompt_id,
    attempts.sample_index,
    attempts.purpose,
    attempts.attempt,
    attempts.wave_date,
    attempts.panel,
    attempts.response_text,
    attempts.model_served,
    attempts.provider_served,
    attempts.system_fingerprint,
    attempts.finish_reason,
    attempts.prompt_tokens,
    attempts.completion_tokens,
    attempts.cost_usd,
    attempts.latency_ms,
    attempts.asked_at
from {{ source('raw', 'attempts') }} as attempts
semi join {{ ref('cell_attempts') }} as cells
    on attempts.wave_id = cells.wave_id
    and attempts.model_requested = cells.model_requested
    and attempts.prompt_id = cells.prompt_id
    and attempts.sample_index = cells.sample_index
    and attempts.purpose = cells.purpose
    and attempts.attempt = cells.attempt
    and attempts.outcome = 'ok'
where attempts.response_text is not null
qualify row_number() over (
    partition by
        attempts.wave_id,
        attempts.model_requested,
        attempts.prompt_id,
        attempts.sample_index,
        attempts.purpose
    order by attempts.asked_at desc, attempts.response_id, attempts.response_text
) = 1
