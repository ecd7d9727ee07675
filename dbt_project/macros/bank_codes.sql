{#- An IBAN in capitals, without blanks. People paste them with spaces, no-break spaces (wide and narrow) and tabs. -#}
{% macro as_machines_write(code) -%}
    upper(translate({{ code }}, ' {{ '\t\u00a0\u202f' }}', ''))
{%- endmacro %}
