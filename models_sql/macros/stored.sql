{#
Rows of a table of `out` as the last build left it, or no rows where the lake has no such table or it lacks a column:
{column: type}. What a build reads back it must hold against what it would compute from, by a SHA-256 of the inputs;
`--vars 'recompute: true'` reads nothing back.
#}
{% macro stored(table, columns) -%}
    {%- set known = [] -%}
    {%- if execute and not var('recompute') -%}
        {%- set found = run_query(
            "select column_name from duckdb_columns() where database_name = '" ~ target.database
            ~ "' and schema_name = 'out' and table_name = '" ~ table ~ "'"
        ) -%}
        {%- set known = found.columns[0].values() -%}
    {%- endif -%}
    {%- set missing = [] -%}
    {%- for column in columns if column not in known %}{% do missing.append(column) %}{% endfor -%}
    {%- if missing -%}
        select
        {%- for column, type in columns.items() %}
            cast(null as {{ type }}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
        where false
    {%- else -%}
        select {{ columns | join(', ') }} from {{ target.database }}.out.{{ table }}
    {%- endif -%}
{%- endmacro %}
