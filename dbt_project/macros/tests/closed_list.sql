{#- dbt's `accepted_values`, limited to months not tested since they were computed (`unproven_rows`). -#}
{% test closed_list(model, column_name, values, day=none, month=none, built_as=none) -%}
    {{ dbt.default__test_accepted_values(unproven_rows(model, day, month, built_as), column_name, values) }}
{%- endtest %}
