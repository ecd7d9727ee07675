{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per artist, live and settlement month: the artist's earnings from the
-- live, out of subscribers' own envelopes.
-- Not additive: `paying_subscribers`, and `watch_ms`, which is floored per live.
with live_slices as (
    select * from {{ ref('int_live_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        artist_id,
        live_id,
        {{ share_floor('sum(weight)', 1, 10000) }} as watch_ms,
        cast(
            count(distinct case when direct_nanos > 0 then subscriber_id end) as bigint
        ) as paying_subscribers,
        cast(sum(direct_nanos) as bigint) as direct_nanos
    from live_slices
    group by settlement_month, artist_id, live_id
)

select * from final
