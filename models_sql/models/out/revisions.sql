-- Published numbers that later changed.
-- Grain: (publication_id, table_name, wave_id, model, other_model, capability, kernel, reference_kind, column_name).
-- What the last publication listed stays; added is what this build says otherwise than that publication. So a build
-- that is never published leaves nothing behind, and building twice lists nothing twice.
-- before, after: null where the number was, or is now, not there. is_alarm counts as 1 and 0.
{%- set publication = last_publication() -%}
{%- set tables = published_tables(publication) %}
with listed as (
    {{ published(publication, tables, 'out.revisions', {
        'wave_id': 'varchar', 'wave_date': 'date', 'panel': 'varchar', 'wave_kind': 'varchar', 'table_name': 'varchar',
        'model': 'varchar', 'other_model': 'varchar', 'capability': 'varchar', 'kernel': 'varchar',
        'reference_kind': 'varchar', 'column_name': 'varchar', 'before': 'double', 'after': 'double',
        'reason': 'varchar', 'publication_id': 'varchar', 'published_at': 'timestamp with time zone',
        'revised_with': 'varchar', 'code_before': 'varchar', 'code_after': 'varchar'
    }) }}
),

found as (
    select
        changes.*,
        waves.wave_date,
        waves.panel,
        waves.wave_kind,
        reasons.reason,
        {{ sql_text(publication.publication_id if publication) }} as publication_id,
        cast({{ sql_text(publication.published_at if publication) }} as timestamp with time zone) as published_at,
        {{ sql_text(var("candidate")) }} as revised_with,
        {{ sql_text(publication.code_version if publication) }} as code_before,
        {{ sql_text(var("code_version")) }} as code_after
    from {{ ref('changed_numbers') }} as changes
    inner join {{ source('ops', 'waves') }} as waves using (wave_id)
    left join {{ ref('revision_reasons') }} as reasons
        on changes.wave_id = reasons.wave_id
        and changes.reference_kind is not distinct from reasons.reference_kind
        and changes.reference_then is not distinct from reasons.reference_then
        and changes.reference_now is not distinct from reasons.reference_now
),

revisions as (
    from listed
    union all by name
    from found
)

select
    wave_id,
    wave_date,
    panel,
    wave_kind,
    table_name,
    model,
    other_model,
    capability,
    kernel,
    reference_kind,
    column_name,
    before,
    after,
    reason,
    publication_id,
    published_at,
    revised_with,
    code_before,
    code_after
from revisions
