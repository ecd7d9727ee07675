{#-
    Largest-remainder rounding (RULES.md §5.3, §5.5), as four CTEs, the last of them `<name>`.

    Every row of `source` gets floor(factor × share / divisor) units of its group. Then the rows with the largest
    remainders get one more unit each, ties to the smallest `ties`, until the group's `total_units` are used up. The new
    column is `units`.

    `factor`, `share` and `divisor` are columns or expressions of `source`. `total_units` is the same on all rows of a
    group.
-#}
{% macro largest_remainder(name, source, group_by, factor, share, divisor, total_units, units, ties) -%}
{{ name }}_floored as (
    select
        *,
        {{ share_floor(factor, share, divisor) }} as floor_units
    from {{ source }}
),

{{ name }}_remaining as (
    select
        *,
        {{ wide(factor) }} * {{ wide(share) }} - floor_units * {{ wide(divisor) }} as remainder_units
    from {{ name }}_floored
),

{{ name }}_ranked as (
    select
        *,
        {{ total_units }} - sum(floor_units) over (partition by {{ group_by }}) as leftover_units,
        row_number() over (
            partition by {{ group_by }}
            order by remainder_units desc, {{ ties | join(', ') }}
        ) as place
    from {{ name }}_remaining
),

{{ name }} as (
    select
        *,
        cast(floor_units + case when place <= leftover_units then 1 else 0 end as bigint) as {{ units }}
    from {{ name }}_ranked
)
{%- endmacro %}
