{#- dbt's `relationships`, limited to months not tested since they were computed (`unproven_rows`). -#}
{% test known_in(model, column_name, to, field, day=none, month=none, built_as=none) -%}
    {{ dbt.default__test_relationships(unproven_rows(model, day, month, built_as), column_name, to, field) }}
{%- endtest %}
