-- The floor: decodes every value that the model reads and looks at it once, without grouping.
select
    min(playback_id) as playback_id,
    min(subscriber_id) as subscriber_id,
    min(live_id) as live_id,
    min(event_day) as event_day,
    min(event_at) as event_at,
    min(state) as state,
    min(sequence) as sequence,
    max(position_ms) as position_ms,
    min(device) as device,
    min(surface) as surface,
    max(batch_number) as batch_number
from raw.heartbeats
