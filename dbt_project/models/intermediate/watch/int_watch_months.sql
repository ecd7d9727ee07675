-- Grain: calendar month in Paris with a heartbeat. `inputs` changes whenever a playback
-- of the month does, on whichever of its days.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
),

-- By day first: a month's name is a text, and there are few days.
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
