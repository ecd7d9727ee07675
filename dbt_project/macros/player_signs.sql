{#-
    The signs of players that stand out in a relation of fct_player_health's columns summed by `keys`, of which the first
    tells what is compared with what: one row a sign (`sign`, `found`, `among`). What stands out is said once, in
    `var('player_signs')`.
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
