-- Signs are counted for the same playbacks and days as watch time (int_player_days),
-- and player health sums to the same watch time. Each row is a day on which the two
-- differ.
with playback_days as (
    select
        event_day as day,
        sum(watch_ms) as watch_ms,
        count(*) as playbacks
    from {{ ref('int_playback_days') }}
    where {{ is_unproven_day('event_day', 'fct_player_health') }}
    group by event_day
),

health as (
    select
        day,
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks
    from {{ ref('fct_player_health') }}
    where {{ is_unproven_day('day', 'fct_player_health') }}
    group by day
),

final as (
    select
        coalesce(playback_days.day, health.day) as day,
        playback_days.watch_ms as expected_ms,
        health.watch_ms as found_ms,
        playback_days.playbacks as expected_playbacks,
        health.playbacks as found_playbacks
    from playback_days
    full outer join health
        on playback_days.day = health.day
    where
        coalesce(playback_days.watch_ms, 0) != coalesce(health.watch_ms, 0)
        or coalesce(playback_days.playbacks, 0) != coalesce(health.playbacks, 0)
)

select * from final
