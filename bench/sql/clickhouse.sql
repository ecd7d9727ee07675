-- ClickHouse's best formulation: instead of a window over heartbeats, sorted arrays of the same packed integers as in
-- the project's model (dbt_project/macros/engine/watch_time.sql), with the same check for days that a list cannot
-- decide. It does not have to decide them: it fails if there is one.
with
packed_days as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        min(event_at) as first_heartbeat_at,
        max(event_at) as last_heartbeat_at,
        max(position_ms) as max_position_ms,
        min(device) as device,
        min(surface) as surface,
        max(batch_number) as batch_number,
        arraySort(groupArray(
            bitShiftLeft(toUInt64(day_ms), 36)
            + if(state = 'playing', 34359738368, 0)
            + ifNull(position_ms, 17179869184 + day_ms)
        )) as beats
    from (
        select
            *,
            event_day,
            toUnixTimestamp64Milli(event_at) - toInt64(toUInt32(event_day)) * 86400000 + 7200000 as day_ms
        from file(
            '{files}',
            Parquet,
            'playback_id String, subscriber_id String, live_id String, event_at DateTime64(6, \'UTC\'),
            state String, position_ms Nullable(Int64),
            device Nullable(String), surface Nullable(String), batch_number Int64'
        )
    )
    group by playback_id, subscriber_id, live_id, event_day
),

summed_days as (
    select
        *,
        arraySum(
            (beat, next) -> (next > beat and bitShiftRight(next, 36) = bitShiftRight(beat, 36)) * 4294967296
            + bitAnd(bitShiftRight(beat, 35), 1)
            * (bitAnd(beat, 34359738367) != bitAnd(next, 34359738367))
            * least(bitShiftRight(next, 36) - bitShiftRight(beat, 36), 30000),
            arrayPopBack(beats),
            arrayPopFront(beats)
        ) as within_ms,
        bitAnd(beats[1], 34359738367) as first_position,
        bitAnd(beats[-1], 34359738367) as last_position,
        bitAnd(beats[-1], 34359738368) > 0 as is_last_playing
    from packed_days
),

linked_days as (
    select
        *,
        leadInFrame(toNullable(first_heartbeat_at)) over following as next_event_at,
        leadInFrame(first_position) over following as next_position
    from summed_days
    window following as (
        partition by playback_id, subscriber_id, live_id
        order by event_day
        rows between unbounded preceding and unbounded following
    )
)

select
    playback_id,
    subscriber_id,
    live_id,
    event_day,
    toInt64(within_ms + throwIf(within_ms >= 4294967296, 'different heartbeats share an instant') + multiIf(
        isNull(next_event_at) or not is_last_playing, 0,
        last_position < 17179869184 and last_position = next_position, 0,
        least(toUnixTimestamp64Milli(assumeNotNull(next_event_at)) - toUnixTimestamp64Milli(last_heartbeat_at), 30000)
    )) as watch_ms,
    first_heartbeat_at,
    last_heartbeat_at,
    max_position_ms,
    device,
    surface,
    batch_number
from linked_days
into outfile '{result}' truncate
format Parquet
settings max_threads = {threads}, max_memory_usage = {memory_bytes}, use_hive_partitioning = 1
