-- Numbers of waves that were published, where this build says another one than the last publication.
-- Grain: (table_name, wave_id, model, other_model, capability, kernel, reference_kind, column_name).
-- before, after: null where the number was, or is now, not there; is_alarm counts as 1 and 0. reference_then, _now: the
-- wave compared with. Equal digits are no change, nor is a column or a table that the publication did not have.
{%- set publication = last_publication() -%}
{%- set tables = published_tables(publication) %}
with published_waves as (
    select distinct wave_id
    from {{ source('ops', 'publications') }}
    where snapshot_id <= {{ publication.snapshot_id if publication else -1 }}
),
{% for numbers in headline_numbers() %}
{%- set table = numbers.table -%}
{%- set known = tables.get("out." ~ table, []) -%}
{%- set columns = numbers.columns | select("in", known) | list -%}
{%- set named = numbers["keys"].values() | list -%}
{%- set references = ["reference"] if "reference_kind" in named else [] -%}
{%- if columns %}
{{ table }}_then as (
    from {{ target.database }}.out.{{ table }} at (version => {{ publication.snapshot_id }})
    semi join published_waves using (wave_id)
),

{{ table }}_now as (
    from {{ ref(table) }}
    semi join published_waves using (wave_id)
),

-- rows are paired only of waves in which anything differs: a sum of hashes knows no order
{{ table }}_moved as (
    select coalesce(sides_then.wave_id, sides_now.wave_id) as wave_id
    from (
        {{ wave_digests(table ~ "_then", named + references + columns) }}
    ) as sides_then
    full join (
        {{ wave_digests(table ~ "_now", named + references + columns) }}
    ) as sides_now
        using (wave_id)
    where sides_then.digest is distinct from sides_now.digest
),

{{ table }}_changes as (
    select
        '{{ table }}' as table_name,
        wave_id,
        {%- for key in revision_keys() %}
        {{ numbers["keys"].get(key, "cast(null as varchar)") }} as {{ key }},
        {%- endfor %}
        {%- for side in ("then", "now") %}
        {{ "side_" ~ side ~ ".reference" if references else "cast(null as varchar)" }} as reference_{{ side }},
        {%- endfor %}
        unnest([
            {%- for column in columns %}
            {
                'column_name': '{{ column }}',
                'before': cast(side_then.{{ column }} as double),
                'after': cast(side_now.{{ column }} as double)
            }{{ "," if not loop.last }}
            {%- endfor %}
        ]) as number
    from (from {{ table }}_then semi join {{ table }}_moved using (wave_id)) as side_then
    full join (from {{ table }}_now semi join {{ table }}_moved using (wave_id)) as side_now
        using (wave_id, {{ named | join(", ") }})
),
{% else %}
{{ table }}_changes as (
    select
        '{{ table }}' as table_name,
        wave_id,
        {%- for key in revision_keys() + ["reference_then", "reference_now"] %}
        cast(null as varchar) as {{ key }},
        {%- endfor %}
        {'column_name': '', 'before': cast(null as double), 'after': cast(null as double)} as number
    from {{ ref(table) }}
    where false
),
{% endif %}
{%- endfor %}
changes as (
    {%- for numbers in headline_numbers() %}
    from {{ numbers.table }}_changes
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    table_name,
    wave_id,
    model,
    other_model,
    capability,
    kernel,
    reference_kind,
    reference_then,
    reference_now,
    number.column_name as column_name,
    number.before as before,
    number.after as after
from changes
where
    number.before is distinct from number.after
    -- a row that says there is no number, where there was no row, or no row where it said so
    and not (starts_with(number.column_name, 'n_') and coalesce(number.before, 0) = coalesce(number.after, 0))
