-- Grain: one row per settlement month, with the policy in force on its last day.
-- A closed month keeps the policy it closed with and, while it can be adjusted, its
-- catalogue: `catalogue` is the closed month whose pinned versions it is, or null for
-- today's (RULES.md §6). `booked.months` decides whether the next run adjusts the
-- month.
-- The months have no gaps from the earliest day in any record that settling reads to
-- the last period or, if that is later, the next month to close. A mistyped year must
-- lose no euro and add no thousand months. So a delivered date more than a year before
-- or three years after the known events (heartbeats, which are checked against the
-- clock on landing, and closed months) adds no months in between; a period there still
-- has its own month.
-- Only the dates of periods are read, which are few.
with periods as (
    select
        period_start,
        period_end,
        last_day_month
    from {{ ref('stg_billing__periods') }}
    group by period_start, period_end, last_day_month
),

playback_days as (
    select * from {{ ref('int_playback_days') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

policies as (
    select
        *,
        lead(valid_from) over (order by valid_from) as valid_until
    from {{ ref('policies') }}
),

booked_months as (
    select * from {{ source('booked', 'months') }}
),

happened_days as (
    select min(event_day) as first_day, max(event_day) as last_day from playback_days
    union all
    select
        min(cast(settlement_month || '-01' as date)) as first_day,
        {{ add_months("max(cast(settlement_month || '-01' as date))", 1) }} as last_day
    from booked_months
),

happened as (
    select min(first_day) as first_day, max(last_day) as last_day from happened_days
),

written_days as (
    select period_start as first_day, period_end as last_day from periods
    union all
    select published_on as first_day, cast(null as date) as last_day from lives
    union all
    select valid_from as first_day, cast(null as date) as last_day from categories
),

first_written as (
    select min(first_day) as first_day from written_days
),

anchors as (
    select
        coalesce(happened.first_day, first_written.first_day) as first_day,
        coalesce(happened.last_day, first_written.first_day) as last_day
    from happened
    cross join first_written
),

sight as (
    select
        first_day,
        last_day,
        {{ add_months('first_day', -12) }} as first_day_in_sight,
        {{ add_months('last_day', 36) }} as last_day_in_sight
    from anchors
),

in_sight as (
    select
        min(
            case
                when written_days.first_day >= sight.first_day_in_sight
                    then written_days.first_day
            end
        ) as first_day,
        max(
            case
                when written_days.last_day <= sight.last_day_in_sight
                    then written_days.last_day
            end
        ) as last_day
    from written_days
    cross join sight
),

-- `least` and `greatest` ignore nulls.
bounds as (
    select
        cast(
            {{ month_of('least(sight.first_day, in_sight.first_day)') }} || '-01'
            as date
        ) as first_day,
        greatest(sight.last_day, in_sight.last_day) as last_day
    from sight
    cross join in_sight
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day', step='month') }}
),

known_months as (
    select {{ month_of('day') }} as settlement_month from days
    union distinct
    select last_day_month as settlement_month from periods
),

months as (
    select
        settlement_month,
        cast(settlement_month || '-01' as date) as first_day,
        last_day(cast(settlement_month || '-01' as date)) as last_day
    from known_months
),

in_force as (
    select
        months.*,
        booked_months.settlement_month is not null as is_closed,
        coalesce(booked_months.is_in_look_back, false) as is_in_look_back,
        booked_months.catalogue,
        coalesce(booked_months.policy_valid_from, policies.valid_from)
            as policy_valid_from,
        coalesce(booked_months.price_cents, policies.price_cents) as price_cents,
        coalesce(booked_months.envelope_cents, policies.envelope_cents)
            as envelope_cents,
        coalesce(booked_months.minimum_live_s, policies.minimum_live_s)
            as minimum_live_s,
        coalesce(booked_months.minimum_pool_share_bp, policies.minimum_pool_share_bp)
            as minimum_pool_share_bp,
        coalesce(booked_months.minimum_payout_cents, policies.minimum_payout_cents)
            as minimum_payout_cents,
        coalesce(booked_months.look_back_months, policies.look_back_months)
            as look_back_months,
        coalesce(booked_months.payment_delay_days, policies.payment_delay_days)
            as payment_delay_days,
        coalesce(booked_months.pool_rule, policies.pool_rule) as pool_rule
    from months
    inner join policies
        on {{ stands_on('policies', 'months.last_day') }}
    left join booked_months
        on months.settlement_month = booked_months.settlement_month
),

final as (
    select
        in_force.settlement_month,
        in_force.first_day,
        in_force.last_day,
        in_force.policy_valid_from,
        in_force.price_cents,
        in_force.envelope_cents,
        in_force.minimum_live_s,
        in_force.minimum_pool_share_bp,
        in_force.minimum_payout_cents,
        in_force.look_back_months,
        in_force.payment_delay_days,
        in_force.pool_rule,
        in_force.catalogue,
        in_force.is_closed,
        in_force.is_in_look_back
    from in_force
)

select * from final
