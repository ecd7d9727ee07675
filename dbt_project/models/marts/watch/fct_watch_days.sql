-- Grain: one row per Paris day from the first to the last one with a heartbeat,
-- including days without any. `usual_watch_ms` is the mean of the same weekday in the
-- four weeks before. The upload of a day far outside its band can be missing or
-- doubled.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
),

bounds as (
    select
        min(event_day) as first_day,
        max(event_day) as last_day
    from playback_days
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day') }}
),

watched as (
    select
        event_day,
        cast(sum(watch_ms) as bigint) as watch_ms,
        cast(count(*) as bigint) as playbacks
    from playback_days
    group by event_day
),

totals as (
    select
        days.day,
        {{ iso_weekday('days.day') }} as weekday,
        coalesce(watched.watch_ms, 0) as watch_ms,
        coalesce(watched.playbacks, 0) as playbacks
    from days
    left join watched
        on days.day = watched.event_day
),

compared as (
    select
        day,
        watch_ms,
        playbacks,
        count(*) over weeks_before as weeks_before,
        sum(watch_ms) over weeks_before as watch_ms_before
    from totals
    window weeks_before as (
        partition by weekday
        order by day
        rows between 4 preceding and 1 preceding
    )
),

final as (
    select
        day,
        watch_ms,
        playbacks,
        case
            when weeks_before >= 2
                then {{ share_floor('watch_ms_before', 1, 'weeks_before') }}
        end as usual_watch_ms,
        coalesce(
            weeks_before >= 2
            and (
                watch_ms * weeks_before * 3 < watch_ms_before
                or watch_ms * weeks_before > watch_ms_before * 3
            ),
            false
        ) as is_out_of_band
    from compared
)

select * from final
