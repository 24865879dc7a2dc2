-- The verdicts that count. On rows and models: those of the wave's newest audit, which may have none.
-- On the wave: the newest there is; an audit that was cut short before it decided does not undo the one before.
-- Audit ids sort by time. Grain: (wave_id, scope, model, prompt_id, sample_index, break_id).
with audits as (
    select wave_id, audit_id, false as is_decided
    from {{ source('ops', 'check_results') }}
    union all
    select wave_id, audit_id, scope = 'wave' as is_decided
    from {{ source('ops', 'verdicts') }}
),

newest as (
    select
        wave_id,
        max(audit_id) as audit_id,
        max(audit_id) filter (is_decided) as decided_audit_id
    from audits
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
inner join newest using (wave_id)
where verdicts.audit_id = if(verdicts.scope = 'wave', newest.decided_audit_id, newest.audit_id)
