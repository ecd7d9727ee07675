{{ built_by_month(inputs='int_visibility_inputs') }}
-- Grain: one row per subscriber and artist whom the subscriber has discovered: the
-- first Paris day ever with a minute of the artist (var discovery_minimum_ms). Shorter
-- watching discovers no one.
-- Odd rule: nothing is known before the first loaded heartbeat, so in the first weeks
-- of the data every artist watched is a discovery.
with watch_days as (
    select
        *,
        watch_ms >= {{ var('discovery_minimum_ms') }} as is_seen
    from {{ ref('int_artist_watch_days') }}
    where {{ is_changed_day('day', days_before=var('path_days')) }}
),

playback_days as (
    select * from {{ ref('int_playback_days') }}
),

data_end as (
    select max(event_day) as last_day from playback_days
),

-- Discoveries of the months that are kept; empty in a full build.
earlier as (
    select
        subscriber_id,
        artist_id
    from {{ this if is_incremental() else 'watch_days' }}
    where not ({{ is_changed_month('month') }})
),

numbered as (
    select
        watch_days.*,
        row_number() over (
            partition by watch_days.subscriber_id, watch_days.artist_id
            order by watch_days.day
        ) as seen_number,
        lead(watch_days.day) over (
            partition by watch_days.subscriber_id, watch_days.artist_id
            order by watch_days.day
        ) as next_seen_on
    from watch_days
    left join earlier
        on
            watch_days.subscriber_id = earlier.subscriber_id
            and watch_days.artist_id = earlier.artist_id
    where
        watch_days.is_seen
        and {{ is_changed_day('watch_days.day') }}
        and earlier.artist_id is null
),

known_days as (
    select
        subscriber_id,
        day,
        min(first_watched_at) as first_watched_at
    from watch_days
    where is_seen and category = 'known'
    group by subscriber_id, day
),

discoveries as (
    select
        subscriber_id,
        artist_id,
        category,
        month,
        day as discovered_on,
        first_watched_at as discovered_at,
        next_seen_on
    from numbered
    where seen_number = 1
),

after_known as (
    select
        discoveries.subscriber_id,
        discoveries.artist_id
    from discoveries
    inner join known_days
        on
            discoveries.subscriber_id = known_days.subscriber_id
            and discoveries.discovered_at > known_days.first_watched_at
            and discoveries.discovered_on
            <= {{ add_days('known_days.day', var('path_days')) }}
    group by discoveries.subscriber_id, discoveries.artist_id
),

final as (
    select
        discoveries.subscriber_id,
        discoveries.artist_id,
        discoveries.category,
        discoveries.month,
        discoveries.discovered_on,
        discoveries.discovered_at,
        {{ add_days('discoveries.discovered_on', var('repeat_days')) }}
        <= data_end.last_day as is_observed,
        coalesce(
            discoveries.next_seen_on
            <= {{ add_days('discoveries.discovered_on', var('repeat_days')) }},
            false
        ) as is_repeated,
        after_known.artist_id is not null as is_after_known
    from discoveries
    cross join data_end
    left join after_known
        on
            discoveries.subscriber_id = after_known.subscriber_id
            and discoveries.artist_id = after_known.artist_id
)

select * from final
