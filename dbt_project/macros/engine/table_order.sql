{#-
    Tables that are built in one go are sorted by month, like those that grew day by day. DuckDB skips row groups that
    hold none of the requested days, so a reader of the changed months does not read the history.

    The sort column is the one that gives a row's month (`built_by_month`), or the one Spark partitions by. Rows that an
    incremental run adds cover a few days and need no sort; the portions of a long history do.
-#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set column = meta.get('day') or meta.get('month') or config.get('partition_by') -%}
    {%- if column and (is_portion() or not temporary) -%}
        {%- set compiled_code = 'select * from (\n' ~ compiled_code ~ '\n) as unordered order by ' ~ column -%}
    {%- endif -%}
    {{ return(dbt.duckdb__create_table_as(temporary, relation, compiled_code, language)) }}
{%- endmacro %}
