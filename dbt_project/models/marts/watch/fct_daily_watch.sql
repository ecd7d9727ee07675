{{ built_by_month(day='day', inputs='int_watch_months') }}
-- Grain: one row per subscriber, live and Paris day with watch time (days that earned
-- none are left out). `watch_ms` is additive. `playbacks` is not additive over days: a
-- playback over midnight counts on both.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

final as (
    select
        subscriber_id,
        live_id,
        event_day as day,
        cast(sum(watch_ms) as bigint) as watch_ms,
        cast(count(*) as bigint) as playbacks
    from playback_days
    where watch_ms > 0
    group by subscriber_id, live_id, event_day
)

select * from final
