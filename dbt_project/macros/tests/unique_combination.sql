{#-
    The columns are a key: no combination occurs twice, and no part of it is missing, but for those named `nullable`
    (where missing is a value of its own). A failing row is the combination and how often it occurs.
-#}
{% test unique_combination(model, columns, nullable=[]) -%}
    select
        {{ columns | join(',\n        ') }},
        count(*) as occurrences
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns if column not in nullable %}
            or {{ column }} is null
        {%- endfor %}
{%- endtest %}
