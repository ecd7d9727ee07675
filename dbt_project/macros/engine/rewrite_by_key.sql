{#- How an incremental model replaces all rows of the keys that it computed again. -#}
{% macro rewrite_by_key() -%}
    {{ return(adapter.dispatch('rewrite_by_key')()) }}
{%- endmacro %}

{% macro default__rewrite_by_key() -%} {{ return('insert_overwrite') }} {%- endmacro %}

{% macro duckdb__rewrite_by_key() -%} {{ return('delete+insert') }} {%- endmacro %}

{#-
    The rows that an incremental run hands to the engine: the ones it computed (`final`), plus those the engine needs to
    replace all rows of the changed keys. DuckDB deletes old rows by `unique_key`. Spark overwrites whole partitions
    (`partition_by`), so it also gets the rows of other keys in them.

    `changed` is a query of the changed keys, `partitions` the list of literals of all partitions that they touch.
-#}
{% macro rewritten_rows(key, changed, partition, partitions) -%}
    {{ return(adapter.dispatch('rewritten_rows')(key, changed, partition, partitions)) }}
{%- endmacro %}

{% macro default__rewritten_rows(key, changed, partition, partitions) -%}
    {%- if not is_incremental() -%}
        select * from final
    {%- else -%}
        {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='name') | join(', ') -%}
        select {{ columns }} from final
        union all
        select {{ columns }}
        from {{ this }} as kept
        where
            {{ partition }} in ({{ partitions }})
            and not exists (
                select 1
                from ({{ changed }}) as changed
                where
                    {%- for column in key %}
                    {{ 'and ' if not loop.first }}kept.{{ column }} = changed.{{ column }}
                    {%- endfor %}
            )
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__rewritten_rows(key, changed, partition, partitions) -%}
    select * from final
{%- endmacro %}
