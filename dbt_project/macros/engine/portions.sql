{#-
    A portion of the playbacks, given as `number/portions` in ALLIVE_PORTION: as much as one statement can hold in
    memory, because DuckDB's sorted lists do not spill (docs/adr/0006). Spark's shuffle does spill, so Spark needs no
    portions.
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
