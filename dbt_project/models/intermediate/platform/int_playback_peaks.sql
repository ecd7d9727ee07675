{{ built_by_month(day='day', inputs='int_watch_months') }}
-- Grain: one row per Paris day on which a playback was open: the most that were open at
-- the same time, and the first instant at which they were.
-- A playback is open on a day between its first and its last heartbeat of that day, the
-- last instant excluded. So one that ends as another begins does not overlap it, and a
-- laptop that sleeps all day is not open on that day.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

steps as (
    select
        event_day as day,
        first_heartbeat_at as step_at,
        1 as step
    from playback_days
    where first_heartbeat_at < last_heartbeat_at
    union all
    select
        event_day as day,
        last_heartbeat_at as step_at,
        -1 as step
    from playback_days
    where first_heartbeat_at < last_heartbeat_at
),

swept as (
    select
        day,
        step_at,
        sum(step) over (
            partition by day
            order by step_at, step
            rows between unbounded preceding and current row
        ) as open_playbacks
    from steps
),

ranked as (
    select
        day,
        step_at,
        open_playbacks,
        row_number() over (
            partition by day
            order by open_playbacks desc, step_at asc
        ) as place
    from swept
),

final as (
    select
        day,
        cast(open_playbacks as bigint) as peak_concurrent_playbacks,
        step_at as peak_at
    from ranked
    where place = 1
)

select * from final
