{{ built_by_month(day='started_on', inputs='int_watch_months') }}
-- Grain: one row per playback, with the start of its viewing session. Subscriber and
-- session start identify the session.
-- Odd rule: the session gap is measured from the end of *everything before*, not only
-- of the previous playback: a long playback on the television keeps the session of
-- short ones on the phone open (RULES.md §2).
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('started_on') }}
),

-- The last known instant and session of each subscriber in the months that are kept,
-- where a session can continue: one that ended two days before cannot. Empty in a full
-- build.
earlier as (
    select
        subscriber_id,
        max(last_heartbeat_at) as last_heartbeat_at,
        max({{ 'session_started_at' if is_incremental() else 'first_heartbeat_at' }})
            as session_started_at
    from {{ this if is_incremental() else 'playback_days' }}
    where
        not ({{ is_changed_day('started_on') }})
        and {{ is_changed_day('last_heartbeat_at', days_before=2) }}
    group by subscriber_id
),

playbacks as (
    select
        playback_id,
        subscriber_id,
        live_id,
        min(event_day) as started_on,
        min(first_heartbeat_at) as first_heartbeat_at,
        max(last_heartbeat_at) as last_heartbeat_at,
        cast(sum(watch_ms) as bigint) as watch_ms,
        max(max_position_ms) as max_position_ms,
        min(device) as device,
        min(surface) as surface
    from playback_days
    group by playback_id, subscriber_id, live_id
),

-- `greatest` ignores nulls.
preceded as (
    select
        playbacks.*,
        earlier.session_started_at as earlier_session_started_at,
        greatest(
            earlier.last_heartbeat_at,
            max(playbacks.last_heartbeat_at) over (
                partition by playbacks.subscriber_id
                order by
                    playbacks.first_heartbeat_at,
                    playbacks.last_heartbeat_at,
                    playbacks.playback_id,
                    playbacks.live_id
                rows between unbounded preceding and 1 preceding
            )
        ) as preceding_end_at
    from playbacks
    left join earlier
        on playbacks.subscriber_id = earlier.subscriber_id
),

opened as (
    select
        *,
        case
            when
                {{ epoch_ms('first_heartbeat_at') }}
                - {{ epoch_ms('preceding_end_at') }}
                < {{ var('session_gap_ms') }}
                then earlier_session_started_at
            else first_heartbeat_at
        end as opened_at
    from preceded
),

-- A subscriber's sessions follow one another: the latest one to open continues.
final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        started_on,
        first_heartbeat_at,
        last_heartbeat_at,
        watch_ms,
        max_position_ms,
        device,
        surface,
        max(opened_at) over (
            partition by subscriber_id
            order by first_heartbeat_at, last_heartbeat_at, playback_id, live_id
            rows between unbounded preceding and current row
        ) as session_started_at
    from opened
)

select * from final
