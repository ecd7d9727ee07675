-- Grain: playback, with the viewing session it belongs to.
-- Odd rule: a session ends where *everything before* has ended for the session gap, not
-- only the playback just before: a long playback on the television keeps the session of
-- the short ones on the phone open (RULES.md §2).
with playback_days as (
    select * from {{ ref('int_playback_days') }}
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

preceded as (
    select
        *,
        max(last_heartbeat_at) over (
            partition by subscriber_id
            order by first_heartbeat_at, last_heartbeat_at, playback_id, live_id
            rows between unbounded preceding and 1 preceding
        ) as preceding_end_at
    from playbacks
),

opened as (
    select
        *,
        case
            when preceding_end_at is null then 1
            when
                {{ epoch_ms('first_heartbeat_at') }}
                - {{ epoch_ms('preceding_end_at') }}
                >= {{ var('session_gap_ms') }}
                then 1
            else 0
        end as opens_session
    from preceded
),

numbered as (
    select
        *,
        sum(opens_session) over (
            partition by subscriber_id
            order by first_heartbeat_at, last_heartbeat_at, playback_id, live_id
            rows between unbounded preceding and current row
        ) as session_number
    from opened
),

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
        cast(session_number as bigint) as session_number
    from numbered
)

select * from final
