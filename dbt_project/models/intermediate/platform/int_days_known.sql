-- Grain: one row per Paris day, without gaps, from the first to the last day that the
-- platform's figures cover.
-- The last day is the day of the latest heartbeat, or the last day of the last closed
-- month. Days of a period paid ahead are not known yet: no one has watched, left or
-- come back on them.
-- The first day is the day of the first heartbeat, or the start of the first paid
-- period before it, at most a year earlier: an older date is more likely a mistyped
-- year.
with periods as (
    select * from {{ ref('stg_billing__periods') }}
),

playback_days as (
    select * from {{ ref('int_playback_days') }}
),

booked_months as (
    select
        cast(settlement_month || '-01' as date) as first_day,
        last_day(cast(settlement_month || '-01' as date)) as last_day
    from {{ source('booked', 'months') }}
),

happened_days as (
    select min(event_day) as first_day, max(event_day) as last_day from playback_days
    union all
    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from booked_months
),

happened as (
    select min(first_day) as first_day, max(last_day) as last_day from happened_days
),

first_paid as (
    select min(periods.period_start) as first_day
    from periods
    cross join happened
    where
        periods.status = 'paid'
        and periods.period_start >= {{ add_months('happened.first_day', -12) }}
),

-- `least` ignores nulls.
bounds as (
    select
        least(happened.first_day, first_paid.first_day) as first_day,
        happened.last_day
    from happened
    cross join first_paid
    where happened.last_day is not null
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day') }}
),

final as (
    select
        day,
        {{ month_of('day') }} as month
    from days
)

select * from final
