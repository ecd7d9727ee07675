{{ config(severity='warn') }}
-- A paid period that ends more than three years after the last heartbeat, or ended more
-- than one year before the first, is more likely a mistyped year than a sale: its euro
-- waits for the run of a month that comes late or never.
with periods as (
    select * from {{ ref('int_periods_settled') }}
),

watch_days as (
    select
        {{ add_months('min(day)', -12) }} as first_day_in_sight,
        {{ add_months('max(day)', 36) }} as last_day_in_sight
    from {{ ref('fct_watch_days') }}
),

final as (
    select
        periods.period_id,
        periods.period_start,
        periods.period_end,
        periods.settlement_month
    from periods
    cross join watch_days
    where
        periods.period_end < watch_days.first_day_in_sight
        or periods.period_end > watch_days.last_day_in_sight
)

select * from final
