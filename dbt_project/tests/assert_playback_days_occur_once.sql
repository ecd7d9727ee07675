-- A playback has one row per Paris day (RULES.md §2, §3.4).
-- Months that were tested since they last changed are not counted again;
-- int_lives_watched records which ones those are.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_unproven_day('event_day', 'int_lives_watched') }}
),

watched_lives as (
    select * from {{ ref('int_lives_watched') }}
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        count(*) as occurrences
    from playback_days
    group by playback_id, subscriber_id, live_id, event_day
    having
        count(*) > 1
        or playback_id is null
        or subscriber_id is null
        or live_id is null
        or event_day is null
    union all
    select
        cast(null as string) as playback_id,
        cast(null as string) as subscriber_id,
        live_id,
        cast(null as date) as event_day,
        count(*) as occurrences
    from watched_lives
    group by month, live_id
    having count(*) > 1
)

select * from final
