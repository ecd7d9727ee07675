-- Days, playbacks and sessions tell the same watch time and the same playbacks of each
-- subscriber: none is lost, none is counted twice. A row is a subscriber with the
-- figures that differ.
with playback_days as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms
    from {{ ref('int_playback_days') }}
    group by subscriber_id
),

daily_watch as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms
    from {{ ref('fct_daily_watch') }}
    group by subscriber_id
),

playbacks as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms,
        count(*) as playbacks
    from {{ ref('fct_playbacks') }}
    group by subscriber_id
),

sessions as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks
    from {{ ref('fct_viewing_sessions') }}
    group by subscriber_id
),

final as (
    select
        playback_days.subscriber_id,
        playback_days.watch_ms as playback_days_ms,
        daily_watch.watch_ms as daily_watch_ms,
        playbacks.watch_ms as playbacks_ms,
        sessions.watch_ms as sessions_ms,
        playbacks.playbacks,
        sessions.playbacks as playbacks_in_sessions
    from playback_days
    left join daily_watch
        on playback_days.subscriber_id = daily_watch.subscriber_id
    left join playbacks
        on playback_days.subscriber_id = playbacks.subscriber_id
    left join sessions
        on playback_days.subscriber_id = sessions.subscriber_id
    where
        playback_days.watch_ms != coalesce(daily_watch.watch_ms, 0)
        or playback_days.watch_ms != coalesce(playbacks.watch_ms, -1)
        or playback_days.watch_ms != coalesce(sessions.watch_ms, -1)
        or playbacks.playbacks != sessions.playbacks
)

select * from final
