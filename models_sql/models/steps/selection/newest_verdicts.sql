-- The verdicts that count: those of each wave's newest audit. Audit ids sort by time.
-- Grain: (wave_id, scope, model, prompt_id, sample_index, break_id).
with newest_audits as (
    select wave_id, max(audit_id) as audit_id
    from {{ source('ops', 'verdicts') }}
    group by wave_id
)

select distinct
    verdicts.wave_id,
    verdicts.scope,
    verdicts.model,
    verdicts.prompt_id,
    verdicts.sample_index,
    verdicts.break_id,
    verdicts.verdict,
    verdicts.detail
from {{ source('ops', 'verdicts') }} as verdicts
semi join newest_audits using (wave_id, audit_id)
