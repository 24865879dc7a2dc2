{#
How every table is built. A table of the lake that already has the declared columns is emptied and filled in one
transaction; any other is dropped and made anew in one. Readers hold a snapshot and see neither, and a failure takes
all of it back.

dbt-duckdb's own way (make it under a second name, rename both, drop the old one) changes the lake's catalog twice a
table. DuckLake keeps every table that ever was in its catalog, and reads the catalog again after each change: half the
time of a small build went there, and the catalog grew by every column of every table every night.
A model that reads its own table as of an earlier snapshot says `reads_itself`: what this transaction deletes or drops is
gone from earlier snapshots too, as the transaction sees them, so its rows are computed before.
Partitions are those the table was made with (lake/catalog.py makes new ones as declared here).
#}
{% materialization table, adapter="duckdb", supported_languages=['sql', 'python'] %}
    {%- set old = load_cached_relation(this) -%}
    {%- set new = this.incorporate(type='table') -%}
    {%- set rows_sql = compiled_code -%}

    {% do adapter.ensure_transaction() %}
    {% if config.get('reads_itself') %}
        {%- set rows_sql = "select * from temp.main." ~ this.identifier -%}
        {% do run_query("create temp table " ~ this.identifier ~ " as " ~ compiled_code) %}
    {% endif %}
    {% if old is not none and columns_are_as_declared(old) %}
        {% do get_assert_columns_equivalent(compiled_code) %}
        {% call statement('main') -%}
            delete from {{ new }};
            insert into {{ new }} {{ get_column_names() }} ({{ get_select_subquery(rows_sql) }});
        {%- endcall %}
    {% else %}
        {% if old is not none %}{% do adapter.drop_relation(old) %}{% endif %}
        {% call statement('main', language=model['language']) -%}
            {{ create_table_as(
                False, new, rows_sql, model['language'],
                partitioned_by=duckdb__get_partitioned_by(new, false)
            ) }}
        {%- endcall %}
    {% endif %}
    {% if config.get('reads_itself') %}{% do run_query("drop table temp.main." ~ this.identifier) %}{% endif %}
    {% do adapter.commit() %}

    {{ return({'relations': [new]}) }}
{% endmaterialization %}

{# Whether a table has the columns of an enforced contract: names in order, types, and which may be null. #}
{% macro columns_are_as_declared(relation) -%}
    {%- if not config.get('contract').enforced -%}{{ return(false) }}{%- endif -%}
    {%- set found = run_query(
        "select column_name, data_type, is_nullable from duckdb_columns() where database_name = '" ~ relation.database
        ~ "' and schema_name = '" ~ relation.schema ~ "' and table_name = '" ~ relation.identifier
        ~ "' order by column_index"
    ) -%}
    {%- set declared = [] -%}
    {%- for column in model['columns'].values() -%}
        {%- set required = column['constraints'] | selectattr('type', 'equalto', 'not_null') | list -%}
        {%- do declared.append((column['name'], column['data_type'], not required)) -%}
    {%- endfor -%}
    {%- set present = [] -%}
    {%- for row in found.rows -%}{%- do present.append((row[0], row[1], row[2])) -%}{%- endfor -%}
    {{ return(present == declared) }}
{%- endmacro %}
