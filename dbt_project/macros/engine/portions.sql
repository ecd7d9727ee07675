{#-
    A portion of the playbacks, `number/portions` in ALLIVE_PORTION: what one statement can hold in memory, as DuckDB's
    sorted lists do not spill (docs/adr/0006). Spark's shuffle does, and needs none.
-#}
{% macro is_portion() -%}
    {{ return(env_var('ALLIVE_PORTION', '') != '') }}
{%- endmacro %}

{% macro is_in_portion(column) -%}
    {{ return(adapter.dispatch('is_in_portion')(column)) }}
{%- endmacro %}

{% macro default__is_in_portion(column) -%} true {%- endmacro %}

{% macro duckdb__is_in_portion(column) -%}
    {%- set number, portions = env_var('ALLIVE_PORTION').split('/') -%}
    hash({{ column }}) % {{ portions }} = {{ number }}
{%- endmacro %}
