-- Grain: one delivered heartbeat; 2 % are redeliveries. Everything that players deliver on $day (counted from 0), in
-- order of arrival: the playbacks that begin on it; the second halves of playbacks of the three days before that were
-- held back (an app without network) or watched later (a laptop that slept); and playbacks that are sent again.
-- The braces are replaced by the contract's expression for the day in Paris.
with playbacks as (
    select
        $day - back as day,
        back,
        place,
        hash($day - back, place, 1) as h1,
        hash($day - back, place, 2) as h2,
        hash($day - back, place, 3) as h3,
        hash($day - back, place, 4) as h4
    from range($playbacks) as places(place), range(4) as days_back(back)
    where $day - back >= 0
),

fated as (
    select
        *,
        (h4 >> 20) & 127 as fate,
        1 + cast((h4 >> 32) % 3 as bigint) as days_later
    from playbacks
),

-- Fate 0 and 1: the second half comes days later. 2: everything is sent again the day after.
described as (
    select
        *,
        fate = 0 as is_held_back,
        fate = 1 as is_broken_off,
        -- A few popular lives, a long tail, and one playback in ten of a new live.
        case
            when (h2 >> 8) % 10 = 0 then 3_951 + least(day * 1_000 // 360, 999) + cast(h2 % 50 as bigint)
            else cast(floor(4_000 * pow((h2 >> 32) / 4_294_967_296.0, 3)) as bigint)
        end as drawn_live,
        text_id('playback', day || '-' || place) as playback_id,
        -- One subscriber in ten never watches.
        text_id('subscriber', h1 % greatest($subscribers * 9 // 10, 1)) as subscriber_id,
        -- Three of four are in the evening: some continue past midnight in Paris.
        epoch_ms(cast($first_day as timestamp)) + day * 86_400_000
            + case
                when (h3 >> 40) % 4 = 0 then 25_200_000 + cast(h3 % 50_400_000 as bigint)
                else 61_200_000 + cast(h3 % 18_000_000 as bigint)
            end as started_ms,
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
        (h4 >> 40) & 7 > 0 as has_position,
        case when (h1 >> 24) & 7 = 0 then 60_000 + cast((h1 >> 32) % 1_140_000 as bigint) else 0 end as pause_ms
    from fated
    where back = 0 or (fate <= 1 and days_later = back) or (fate = 2 and back = 1)
),

cut as (
    select
        *,
        live_id(least(drawn_live, 4_999)) as live_id,
        least(20 + cast(h4 % 290 as bigint), duration_s(least(drawn_live, 4_999)) // 10) as beats
    from described
),

-- For every 80 heartbeats of a playback, one of them is repeated.
beaten as (
    select
        *,
        case when number < beats then number else cast(hash(day, place, number, 5) % beats as bigint) end as beat,
        number >= beats as is_repeated
    from cut, lateral (select unnest(range(beats + (beats + cast(h3 % 80 as bigint)) // 80)) as number)
),

timed as (
    select
        *,
        hash(day, place, beat, 6) as luck,
        beat > beats // 2 and (is_held_back or is_broken_off) as is_of_the_rest,
        started_ms + beat * 10_000 + cast(hash(day, place, beat, 6) % 400 as bigint)
            + case when beat > beats // 3 then pause_ms else 0 end
            + case when beat > beats // 2 and is_broken_off then 86_400_000 * days_later else 0 end as event_ms
    from beaten
),

delivered as (
    select
        *,
        make_timestamptz(event_ms * 1_000) as event_at,
        event_ms + 300 + cast((luck >> 16) % 2_500 as bigint)
            + case when is_repeated then 5_000 else 0 end
            + case when is_of_the_rest and is_held_back then 86_400_000 * days_later else 0 end
            + case when fate = 2 and back = 1 then 86_400_000 else 0 end as received_ms
    from timed
    where back = case when is_of_the_rest then days_later else 0 end or (fate = 2 and back = 1)
),

final as (
    select
        md5(playback_id || beat) as event_id,
        playback_id,
        subscriber_id,
        live_id,
        event_at,
        case
            when beat = beats - 1 then 'ended'
            when pause_ms > 0 and beat = beats // 3 then 'paused'
            when luck % 64 = 0 then 'buffering'
            when luck % 128 = 1 then 'seeking'
            else 'playing'
        end as state,
        make_timestamptz(received_ms * 1_000) as received_at,
        case when has_sequence then beat end as sequence,
        -- One in forty stalls: it repeats the position of the heartbeat before.
        case when has_position then greatest(beat - cast(luck % 40 = 3 as bigint), 0) * 10_000 end as position_ms,
        cast(1 as double) as playback_rate,
        device,
        surface,
        case when device <> 'web' then device || ' 4.' || (1 + day // 30) || '.0' end as app_version,
        {event_day} as event_day
    from delivered
    order by received_ms, place
)

select * from final
