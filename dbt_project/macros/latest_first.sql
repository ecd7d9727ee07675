{#-
    The order in which the first record wins (INTERFACES.md, "Latest"): the greatest `updated_at` (missing = the
    oldest), then the greatest content in column order (null smallest). Never the order of arrival.
-#}
{% macro latest_first(content_columns) -%}
    updated_at desc nulls last
    {%- for column in content_columns %}, {{ column }} desc nulls last{% endfor -%}
{%- endmacro %}

{#- Selects the latest record per key of a source; `key` and `content` are lists of columns. -#}
{% macro select_latest(relation, key, content) %}
    {%- set columns = key + content + ['updated_at'] -%}
    with records as (
        select
            {{ columns | join(',\n            ') }},
            row_number() over (
                partition by {{ key | join(', ') }}
                order by {{ latest_first(content) }}
            ) as recency
        from {{ relation }}
    ),

    final as (
        select
            {{ columns | join(',\n            ') }}
        from records
        where recency = 1
    )

    select * from final
{% endmacro %}
