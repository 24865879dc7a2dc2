-- Why the numbers of a comparison changed since they were published: the first of the reasons that holds.
-- Grain: (wave_id, reference_kind, reference_then, reference_now); the last three are null for a wave by itself.
-- A wave's numbers rest on its own answers, on those of its reference, and against a pool on all earlier ones.
-- A comparison that is gone has lost its reference where that wave was withdrawn or has another battery by now.
{%- set publication = last_publication() %}
with comparisons as (
    select distinct
        changes.wave_id,
        changes.reference_kind,
        changes.reference_then,
        changes.reference_now,
        changes.reference_then is not null
        and changes.reference_now is null
        and references_now.battery_sha is distinct from own.battery_sha as lost_reference,
        waves.wave_date,
        waves.panel
    from {{ ref('changed_numbers') }} as changes
    inner join {{ source('ops', 'waves') }} as waves using (wave_id)
    left join {{ ref('waves') }} as own on changes.wave_id = own.wave_id
    left join {{ ref('waves') }} as references_now on changes.reference_then = references_now.wave_id
),

reasons as (
    select
        comparisons.wave_id,
        comparisons.reference_kind,
        comparisons.reference_then,
        comparisons.reference_now,
        bool_or(causes.is_withdrawn and causes.wave_id = comparisons.wave_id) as is_withdrawn,
        any_value(comparisons.lost_reference) as lost_reference,
        bool_or(causes.has_new_answers) as has_new_answers,
        bool_or(causes.has_other_members) as has_other_members,
        bool_or(causes.has_new_vectors) as has_new_vectors
    from comparisons
    inner join {{ ref('wave_causes') }} as causes
        on comparisons.panel = causes.panel
        and (
            causes.wave_id = comparisons.wave_id
            or causes.wave_id = comparisons.reference_then
            or causes.wave_id = comparisons.reference_now
            or (comparisons.reference_kind = 'pool' and causes.wave_date < comparisons.wave_date)
        )
    group by
        comparisons.wave_id,
        comparisons.reference_kind,
        comparisons.reference_then,
        comparisons.reference_now
)

select
    wave_id,
    reference_kind,
    reference_then,
    reference_now,
    case
        when is_withdrawn then 'wave withdrawn'
        when reference_then <> reference_now or lost_reference then 'another reference'
        when has_new_answers then 'new answers'
        when has_other_members then 'other verdicts'
        when has_new_vectors then 'new vectors'
        when {{ sql_text(publication.code_version if publication) }} is distinct from {{ sql_text(var("code_version")) }}
            then 'code changed'
        else 'unexplained'
    end as reason
from reasons
