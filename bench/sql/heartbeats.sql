-- Grain: one delivered heartbeat; 2 % are redeliveries. One day's delivery of a fictional platform, shuffled; $day
-- counts from 0. Everything is derived from hashes of numbers, so the figures are the same on every machine.
with playbacks as (
    select
        $day * 10_000_000 + place as playback,
        hash($day, place, 1) as h1,
        hash($day, place, 2) as h2,
        hash($day, place, 3) as h3,
        hash($day, place, 4) as h4
    from range($playbacks) as places(place)
),

described as (
    select
        *,
        cast(cast(md5('playback ' || playback) as uuid) as varchar) as playback_id,
        cast(cast(md5('subscriber ' || h1 % ($playbacks * 4)) as uuid) as varchar) as subscriber_id,
        -- A few hits and a long tail.
        cast(cast(md5('live ' || least(h2 % 40, (h2 >> 8) % 400)) as uuid) as varchar) as live_id,
        -- Evenings: some playbacks continue past midnight in Paris.
        timestamptz '2024-03-10 17:00:00+00' + to_days($day)
            + to_milliseconds(cast(h3 % 21_600_000 as bigint)) as started_at,
        cast(20 + h4 % 261 as bigint) as beats,
        case (h1 >> 16) & 7 when 0 then 'ios' when 1 then 'android' when 2 then 'tv' when 3 then null else 'web' end
            as device,
        case (h2 >> 16) & 7
            when 0 then 'home'
            when 1 then 'search'
            when 2 then 'artist'
            when 3 then null
            when 4 then 'recommendation'
            when 5 then 'external'
            else 'category'
        end as surface,
        (h3 >> 32) & 3 > 0 as has_sequence,
        (h4 >> 32) & 7 > 0 as has_position,
        (h1 >> 24) & 63 = 0 as has_break
    from playbacks
),

beaten as (
    select
        *,
        hash(playback, beat, 5) as luck,
        beat * 10_000
        + cast(hash(playback, beat, 6) % 400 as bigint)
        -- The laptop slept for a day or more: the next heartbeat is on another day.
        + case when has_break and beat > beats // 2 then 86_400_000 * (1 + cast(h2 % 3 as bigint)) else 0 end
            as offset_ms
    from described, lateral (select unnest(range(beats)) as beat)
),

heartbeats as (
    select
        *,
        started_at + to_milliseconds(offset_ms) as event_at,
        case
            when beat = beats - 1 then 'ended'
            when luck % 32 = 0 then 'paused'
            when luck % 32 = 1 then 'buffering'
            when luck % 64 = 2 then 'seeking'
            else 'playing'
        end as state,
        case when has_sequence then beat end as sequence,
        -- One in twenty stalls: it repeats the position of the heartbeat before.
        case when has_position then greatest(beat - cast(luck % 20 = 3 as bigint), 0) * 10_000 end as position_ms
    from beaten
),

delivered as (
    select *, 1 as copy from heartbeats
    union all
    select *, 2 as copy from heartbeats where (luck >> 20) % 50 = 0
),

final as (
    select
        md5(playback || ' ' || beat) as event_id,
        playback_id,
        subscriber_id,
        live_id,
        event_at,
        state,
        event_at as received_at,
        sequence,
        position_ms,
        cast(1 as double) as playback_rate,
        device,
        surface,
        case when device <> 'web' then device || ' 4.1.0' end as app_version,
        'heartbeats/' || $day || '.ndjson' as source_file,
        cast(beat as bigint) as source_line,
        cast($day + 1 as bigint) as batch_number,
        cast(event_at at time zone 'Europe/Paris' as date) as event_day
    from delivered
    order by hash(playback, beat, copy)
)

select * from final
