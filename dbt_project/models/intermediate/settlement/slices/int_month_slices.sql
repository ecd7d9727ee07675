{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month and artist: amounts out of subscribers' own
-- envelopes, summed over periods and categories.
-- Not additive: `paying_subscribers`, and `watch_ms`, which is floored per row.
with slices as (
    select * from {{ ref('int_period_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        artist_id,
        cast(
            sum(case when destination = 'direct' then amount_nanos else 0 end) as bigint
        ) as direct_nanos,
        cast(
            sum(case when destination = 'pool' then amount_nanos else 0 end) as bigint
        ) as to_pool_nanos,
        {{ share_floor('sum(weight)', 1, 10000) }} as watch_ms,
        cast(
            count(distinct case when destination = 'direct' then subscriber_id end)
            as bigint
        ) as paying_subscribers
    from slices
    where artist_id is not null
    group by settlement_month, artist_id
)

select * from final
