{#- How an incremental model replaces all rows of the keys it computed again. -#}
{% macro rewrite_by_key() -%}
    {{ return(adapter.dispatch('rewrite_by_key')()) }}
{%- endmacro %}

{% macro default__rewrite_by_key() -%} {{ return('insert_overwrite') }} {%- endmacro %}

{% macro duckdb__rewrite_by_key() -%} {{ return('delete+insert') }} {%- endmacro %}
