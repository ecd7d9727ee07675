{{ built_by_month(inputs='int_watch_months') }}
-- Grain: one row per subscriber and calendar month in Paris with a heartbeat. First and
-- last day are days with watch time; null if there is none.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

-- Group by day first: a month is a text, slower to group by.
subscriber_days as (
    select
        subscriber_id,
        event_day,
        sum(watch_ms) as watch_ms
    from playback_days
    group by subscriber_id, event_day
),

final as (
    select
        {{ month_of('event_day') }} as month,
        subscriber_id,
        cast(sum(watch_ms) as bigint) as watch_ms,
        min(case when watch_ms > 0 then event_day end) as first_watch_day,
        max(case when watch_ms > 0 then event_day end) as last_watch_day,
        cast(max(watch_ms) as bigint) as longest_day_ms
    from subscriber_days
    group by {{ month_of('event_day') }}, subscriber_id
)

select * from final
