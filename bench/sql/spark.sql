-- The plain rule, for Spark: a redelivered heartbeat sorts next to its twin and earns nothing, so one shuffle and one
-- sort by playback are enough.
with followed as (
    select
        *,
        lead(event_at) over in_order as next_event_at,
        lead(position_ms) over in_order as next_position_ms
    from heartbeats
    window in_order as (
        partition by playback_id, subscriber_id, live_id
        order by event_at, coalesce(sequence, 0), state, position_ms nulls first
    )
)

select
    playback_id,
    subscriber_id,
    live_id,
    event_day,
    cast(sum(case
        when state <> 'playing' or next_event_at is null then 0
        when position_ms = next_position_ms then 0
        else least(unix_millis(next_event_at) - unix_millis(event_at), 30000)
    end) as bigint) as watch_ms,
    min(event_at) as first_heartbeat_at,
    max(event_at) as last_heartbeat_at,
    max(position_ms) as max_position_ms,
    min(device) as device,
    min(surface) as surface,
    max(batch_number) as batch_number
from followed
group by playback_id, subscriber_id, live_id, event_day
