{#-
    Tables that are built at once lie in the order of their months, as those do that grew a day at a time: DuckDB passes
    over row groups whose days are not asked for, so a reader of the changed months does not read the history.

    The column is the one that tells a row's month (`built_by_month`), or what Spark partitions by. Rows that an
    incremental run adds are of few days, and need no order; the portions of a long history do.
-#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set column = meta.get('day') or meta.get('month') or config.get('partition_by') -%}
    {%- if column and (is_portion() or not temporary) -%}
        {%- set compiled_code = 'select * from (\n' ~ compiled_code ~ '\n) as unordered order by ' ~ column -%}
    {%- endif -%}
    {{ return(dbt.duckdb__create_table_as(temporary, relation, compiled_code, language)) }}
{%- endmacro %}
