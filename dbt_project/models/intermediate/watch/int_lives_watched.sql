{{ built_by_month(inputs='int_watch_months') }}
-- Grain: one row per calendar month in Paris and live with a heartbeat in it.
-- `watch_ms` is additive.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

-- Group by day first: there are few days, and a month is a text, slower to group by.
live_days as (
    select
        live_id,
        event_day,
        sum(watch_ms) as watch_ms
    from playback_days
    group by live_id, event_day
),

final as (
    select
        {{ month_of('event_day') }} as month,
        live_id,
        cast(sum(watch_ms) as bigint) as watch_ms
    from live_days
    group by {{ month_of('event_day') }}, live_id
)

select * from final
