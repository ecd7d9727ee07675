-- Grain: one row per artist, live and settlement month, on today's data: the live's
-- earnings out of subscribers' own envelopes. The sum over an artist's lives is
-- `current_direct_nanos` of fct_artist_months, to the nano.
-- Not additive: `paying_subscribers`, and `watch_ms`, which is floored per live.
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
