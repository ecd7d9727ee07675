{#- Milliseconds since 1970 of an instant that is already truncated to the millisecond. -#}
{% macro epoch_ms(instant) -%}
    {{ return(adapter.dispatch('epoch_ms')(instant)) }}
{%- endmacro %}

{% macro default__epoch_ms(instant) -%}
    unix_millis({{ instant }})
{%- endmacro %}

{% macro duckdb__epoch_ms(instant) -%}
    epoch_ms({{ instant }})
{%- endmacro %}
