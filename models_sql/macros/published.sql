{#
What readers have seen until now: tables as the last publication shows them, by DuckLake's time travel.
The last publication is the newest whose snapshot is still there; before the first one nothing was published.
#}

{# {publication_id, snapshot_id, published_at, code_version} of the last publication; none before the first. #}
{% macro last_publication() -%}
    {%- if execute -%}
        {%- set found = run_query(
            "select publication_id, snapshot_id, cast(published_at as varchar), code_version from "
            ~ source('ops', 'publications') ~ " where snapshot_id in (select snapshot_id from "
            ~ target.database ~ ".snapshots()) order by snapshot_id desc limit 1"
        ) -%}
        {%- for row in found.rows -%}
            {{ return({
                "publication_id": row[0], "snapshot_id": row[1] | int, "published_at": row[2], "code_version": row[3]
            }) }}
        {%- endfor -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# {"schema.table": [columns]} of core, out and raw as a publication had them; nothing before the first. #}
{% macro published_tables(publication) -%}
    {%- set tables = {} -%}
    {%- if publication is not none -%}
        {%- set catalog = "__ducklake_metadata_" ~ target.database -%}
        {%- set alive = "begin_snapshot <= " ~ publication.snapshot_id ~ " and coalesce(end_snapshot > "
            ~ publication.snapshot_id ~ ", true)" -%}
        {%- set found = run_query(
            "select schema_name || '.' || table_name, column_name from (from " ~ catalog ~ ".ducklake_column where "
            ~ "parent_column is null and " ~ alive ~ ") inner join (from " ~ catalog ~ ".ducklake_table where " ~ alive
            ~ ") using (table_id) inner join (from " ~ catalog ~ ".ducklake_schema where " ~ alive
            ~ ") using (schema_id)"
        ) -%}
        {%- for row in found.rows -%}{%- do tables.setdefault(row[0], []).append(row[1]) -%}{%- endfor -%}
    {%- endif -%}
    {{ return(tables) }}
{%- endmacro %}

{#
Rows of a table as a publication shows them, with {column: type}; a column that it did not have is null, and there are
no rows where it had no such table. `tables` is what published_tables gives.
#}
{% macro published(publication, tables, table, columns) -%}
    {%- set known = tables.get(table, []) -%}
    select
    {%- for column, type in columns.items() %}
        {{ column if column in known else "cast(null as " ~ type ~ ")" }} as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
    {% if known -%}
        from {{ target.database }}.{{ table }} at (version => {{ publication.snapshot_id }})
    {%- else -%}
        where false
    {%- endif -%}
{%- endmacro %}

{# One number for the rows of each wave of a relation: the same in any order of rows, by 64-bit hashes. #}
{% macro wave_digests(relation, columns) -%}
    select wave_id, sum(hash({{ columns | join(", ") }})) as digest from {{ relation }} group by wave_id
{%- endmacro %}

{# A text as SQL; null where there is none. #}
{% macro sql_text(text) -%}
    {{ "'" ~ (text | replace("'", "''")) ~ "'" if text else "cast(null as varchar)" }}
{%- endmacro %}

{# The columns of out.revisions that say whose number it is. #}
{% macro revision_keys() -%}
    {{ return(["model", "other_model", "capability", "kernel", "reference_kind"]) }}
{%- endmacro %}

{#
The published numbers whose later changes are listed in out.revisions, as facts: table, what tells its rows of a wave
apart (as a column of out.revisions: as it is called there), and the columns that hold numbers.
#}
{% macro headline_numbers() %}
    {% set slice = {"capability": "capability", "kernel": "kernel"} %}
    {% set alike = ["match", "chance", "convergence", "ci_low", "ci_high", "relative", "p_value", "n_prompts"] %}
    {{ return([
        {
            "table": "convergence_by_pair",
            "keys": dict(slice, model="model_a", other_model="model_b"),
            "columns": alike
        },
        {"table": "convergence_by_model", "keys": dict(slice, model="model"), "columns": alike + ["n_models"]},
        {"table": "convergence_by_wave", "keys": slice, "columns": alike + ["n_models"]},
        {
            "table": "convergence_change",
            "keys": dict(slice, reference_kind="reference_kind"),
            "columns": ["change", "ci_low", "ci_high", "n_models", "n_prompts"]
        },
        {
            "table": "drift_by_model",
            "keys": dict(slice, model="model", reference_kind="reference_kind"),
            "columns": ["drift", "p_value", "p_adjusted", "is_alarm", "n_prompts"]
        }
    ]) }}
{% endmacro %}
