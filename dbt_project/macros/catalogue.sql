{#-
    The current state of the catalogue's records (INTERFACES.md, "Latest"): of today's catalogue (`stg_catalogue__*`),
    or of each catalogue that a closed month keeps (`stg_booked__*`, with `by=['catalogue']`).
-#}

{#- Credits: the newest set of a live, as a whole. Sets tied on `updated_at` merge; identical lines are one. -#}
{% macro newest_credit_sets(relation, by=[]) -%}
    with ranked as (
        select
            {{ (by + ['live_id', 'artist_id', 'share_bp', 'updated_at']) | join(',\n            ') }},
            rank() over (
                partition by {{ (by + ['live_id']) | join(', ') }}
                order by updated_at desc nulls last
            ) as recency
        from {{ relation }}
    ),

    final as (
        select
            {{ (by + ['live_id', 'artist_id', 'share_bp']) | join(',\n            ') }},
            max(updated_at) as updated_at
        from ranked
        where recency = 1
        group by {{ (by + ['live_id', 'artist_id', 'share_bp']) | join(', ') }}
    )

    select * from final
{%- endmacro %}

{#- Categories: each applies from its `valid_from` until the next one. A deleted record never existed. -#}
{% macro standing_categories(relation, by=[]) -%}
    with latest as (
        {{ select_latest(relation, by + ['artist_id', 'valid_from'], ['category', 'is_deleted']) | indent(8) }}
    ),

    final as (
        select
            {{ (by + ['artist_id', 'category', 'valid_from']) | join(',\n            ') }},
            lead(valid_from) over (
                partition by {{ (by + ['artist_id']) | join(', ') }}
                order by valid_from
            ) as valid_until
        from latest
        where not coalesce(is_deleted, false)
    )

    select * from final
{%- endmacro %}
