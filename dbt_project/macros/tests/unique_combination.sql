{#-
    The columns are a key: no combination occurs twice, and no part of it is missing, but for those named `nullable`
    (where missing is a value of its own). A failing row is the combination and how often it occurs.

    Of a model that is built by month, `day` or `month` is the column that tells a row's month (`built_as` names the model,
    if the tested one is a view of it): months that were tested since they were computed are not counted again. So a key
    must not be able to lie in two months.
-#}
{% test unique_combination(model, columns, nullable=[], day=none, month=none, built_as=none) -%}
    select
        {{ columns | join(',\n        ') }},
        count(*) as occurrences
    from {{ model }}
    {%- set model_name = built_as or (model | string).split('.')[-1] | replace('"', '') | replace('`', '') %}
    {%- if day %}
    where {{ is_unproven_day(day, model_name) }}
    {%- elif month %}
    where {{ is_unproven_month(month, model_name) }}
    {%- endif %}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns if column not in nullable %}
            or {{ column }} is null
        {%- endfor %}
{%- endtest %}
