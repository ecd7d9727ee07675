{#-
    The player signs that stand out in a relation of fct_player_health's columns summed by `keys`: one row per key and
    sign (`sign`, `found`, `among`). Rows are compared with each other within the first key. `var('player_signs')`
    defines what stands out.
-#}
{% macro player_signs(relation, keys) -%}
    {%- for sign, rule in var('player_signs').items() %}
    select
        {{ keys | join(',\n        ') }},
        '{{ sign }}' as sign,
        found,
        among
    from (
        select
            {{ keys | join(',\n            ') }},
            cast({{ rule['found'] }} as bigint) as found,
            cast({{ rule['among'] }} as bigint) as among,
            sum({{ rule['among'] }}) over (partition by {{ keys[0] }}) as among_all
        from {{ relation }}
    ) as counted
    where
        found >= {{ rule['at_least'] }}
        and among >= {{ rule.get('least_among', 0) }}
        and found * 10000 > among * {{ rule['above_bp'] }}
        and found * 10000 >= among_all * {{ rule.get('of_all_bp', 0) }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
