-- Grain: one row per calendar month in Paris with a heartbeat. `inputs` changes
-- whenever a playback of the month changes, on any of its days.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
),

-- Group by day first: there are few days, and a month is a text, slower to group by.
days as (
    select
        event_day,
        max(playback_batch_number) as batch_number
    from playback_days
    group by event_day
),

final as (
    select
        {{ month_of('event_day') }} as month,
        cast(max(batch_number) as string) as inputs
    from days
    group by {{ month_of('event_day') }}
)

select * from final
