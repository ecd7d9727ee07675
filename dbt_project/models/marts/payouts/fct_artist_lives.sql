-- Grain: artist × live × settlement month, on today's data. What each live earned out
-- of subscribers' own envelopes; the sum over an artist's lives is
-- `current_direct_nanos` of fct_artist_months, to the nano.
-- Not additive: `paying_subscribers`; `watch_ms` is floored per live.
with live_slices as (
    select * from {{ ref('int_live_slices') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

earned as (
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
),

final as (
    select
        earned.artist_id,
        earned.live_id,
        earned.settlement_month,
        lives.title,
        earned.watch_ms,
        earned.paying_subscribers,
        earned.direct_nanos
    from earned
    left join lives
        on earned.live_id = lives.live_id
)

select * from final
