-- Days, playbacks and sessions sum to the same watch time and the same playbacks per
-- subscriber: none is lost, none is counted twice. Each row is a subscriber with two
-- figures that differ, in the months not tested since they were computed.
-- A playback belongs to the month in which it started, its days to their own months. A
-- session that continues into the first of those months began in it or on the day
-- before.
{%- set of_playbacks = is_unproven_day('started_on', 'fct_playbacks', days_before=1) %}
with playback_days as (
    select
        subscriber_id,
        sum(
            case
                when {{ is_unproven_day('event_day', 'fct_daily_watch') }} then watch_ms
                else 0
            end
        ) as of_days_ms,
        sum(
            case
                when {{ of_playbacks }} then watch_ms
                else 0
            end
        ) as of_playbacks_ms
    from {{ ref('int_playback_days') }}
    -- No day of a playback is before the one on which it started.
    where
        {{ is_unproven_day('event_day', 'fct_daily_watch') }}
        or {{ is_unproven_day('event_day', 'fct_playbacks', days_before=1) }}
    group by subscriber_id
),

daily_watch as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms
    from {{ ref('fct_daily_watch') }}
    where {{ is_unproven_day('day', 'fct_daily_watch') }}
    group by subscriber_id
),

playbacks as (
    select * from {{ ref('fct_playbacks') }}
    where {{ of_playbacks }}
),

playback_sums as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms
    from playbacks
    group by subscriber_id
),

sessions as (
    select
        subscriber_id,
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks
    from {{ ref('fct_viewing_sessions') }}
    where {{ of_playbacks }}
    group by subscriber_id
),

first_sessions as (
    select
        subscriber_id,
        min(session_started_at) as session_started_at
    from {{ ref('int_playbacks_sessionized') }}
    where {{ of_playbacks }} and first_heartbeat_at = session_started_at
    group by subscriber_id
),

-- No playback of a session started before the session did.
session_playbacks as (
    select
        playbacks.subscriber_id,
        sum(playbacks.watch_ms) as watch_ms,
        count(*) as playbacks
    from playbacks
    inner join first_sessions
        on
            playbacks.subscriber_id = first_sessions.subscriber_id
            and playbacks.session_started_at >= first_sessions.session_started_at
    group by playbacks.subscriber_id
),

compared as (
    select
        'ms of days' as figure,
        coalesce(playback_days.subscriber_id, daily_watch.subscriber_id)
            as subscriber_id,
        playback_days.of_days_ms as expected,
        daily_watch.watch_ms as found
    from playback_days
    full outer join daily_watch
        on playback_days.subscriber_id = daily_watch.subscriber_id
    union all
    select
        'ms of playbacks' as figure,
        coalesce(playback_days.subscriber_id, playback_sums.subscriber_id)
            as subscriber_id,
        playback_days.of_playbacks_ms as expected,
        playback_sums.watch_ms as found
    from playback_days
    full outer join playback_sums
        on playback_days.subscriber_id = playback_sums.subscriber_id
    union all
    select
        'ms of sessions' as figure,
        coalesce(session_playbacks.subscriber_id, sessions.subscriber_id)
            as subscriber_id,
        session_playbacks.watch_ms as expected,
        sessions.watch_ms as found
    from session_playbacks
    full outer join sessions
        on session_playbacks.subscriber_id = sessions.subscriber_id
    union all
    select
        'playbacks of sessions' as figure,
        coalesce(session_playbacks.subscriber_id, sessions.subscriber_id)
            as subscriber_id,
        session_playbacks.playbacks as expected,
        sessions.playbacks as found
    from session_playbacks
    full outer join sessions
        on session_playbacks.subscriber_id = sessions.subscriber_id
),

final as (
    select
        figure,
        subscriber_id,
        expected,
        found
    from compared
    where coalesce(expected, 0) != coalesce(found, 0)
)

select * from final
