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

{# Names of the columns that a table had in a publication; none where there was no such table. #}
{% macro published_columns(publication, schema, table) -%}
    {%- if publication is none -%}{{ return([]) }}{%- endif -%}
    {%- set catalog = "__ducklake_metadata_" ~ target.database -%}
    {%- set alive = "begin_snapshot <= " ~ publication.snapshot_id ~ " and coalesce(end_snapshot > "
        ~ publication.snapshot_id ~ ", true)" -%}
    {%- set found = run_query(
        "select column_name from (from " ~ catalog ~ ".ducklake_column where parent_column is null and " ~ alive
        ~ ") where table_id in (select table_id from (from " ~ catalog ~ ".ducklake_table where " ~ alive
        ~ ") where table_name = '" ~ table ~ "' and schema_id in (select schema_id from (from " ~ catalog
        ~ ".ducklake_schema where " ~ alive ~ ") where schema_name = '" ~ schema ~ "'))"
    ) -%}
    {{ return(found.columns[0].values() | list) }}
{%- endmacro %}

{#
Rows of a table as a publication shows them, with {column: type}; a column that it did not have is null, and there are
no rows where it had no such table.
#}
{% macro published(publication, schema, table, columns) -%}
    {%- set known = published_columns(publication, schema, table) -%}
    select
    {%- for column, type in columns.items() %}
        {{ column if column in known else "cast(null as " ~ type ~ ")" }} as {{ column }}{{ "," if not loop.last }}
    {%- endfor %}
    {% if known -%}
        from {{ target.database }}.{{ schema }}.{{ table }} at (version => {{ publication.snapshot_id }})
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
