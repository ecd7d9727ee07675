{#-
    The columns are a key: no combination occurs twice, and no column is null except those named in `nullable` (where
    null is a value of its own). A failing row is the combination and how often it occurs.

    `day`, `month` and `built_as` are those of `unproven_rows`. With them, one key value must not occur in two months.
-#}
{% test unique_combination(model, columns, nullable=[], day=none, month=none, built_as=none) -%}
    select
        {{ columns | join(',\n        ') }},
        count(*) as occurrences
    from {{ unproven_rows(model, day, month, built_as) }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns if column not in nullable %}
            or {{ column }} is null
        {%- endfor %}
{%- endtest %}
