-- Grain: artist × live × settlement month, on today's data. What each live earned out
-- of subscribers' own envelopes; the sum over an artist's lives is
-- `current_direct_nanos` of fct_artist_months, to the nano.
-- Not additive: `paying_subscribers`; `watch_ms` is floored per live.
with earned as (
    select * from {{ ref('int_live_earnings') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
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
