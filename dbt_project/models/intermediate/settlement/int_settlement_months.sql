-- Grain: one settlement month that anything is known of, with the policy in force on
-- its last day.
-- The spine starts with the earliest day in any record that settling reads and ends
-- with the last period or, if that is later, with the month that closes next.
with periods as (
    select * from {{ ref('stg_billing__periods') }}
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

known_days as (
    select min(period_start) as first_day, max(period_end) as last_day from periods
    union all
    select min(event_day) as first_day, max(event_day) as last_day from playback_days
    union all
    select min(published_on) as first_day, cast(null as date) as last_day from lives
    union all
    select min(valid_from) as first_day, cast(null as date) as last_day from categories
    union all
    select
        min(cast(settlement_month || '-01' as date)) as first_day,
        {{ add_months("max(cast(settlement_month || '-01' as date))", 1) }} as last_day
    from booked_months
),

bounds as (
    select
        cast({{ month_of('min(first_day)') }} || '-01' as date) as first_day,
        greatest(max(last_day), min(first_day)) as last_day
    from known_days
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day', step='month') }}
),

months as (
    select
        {{ month_of('day') }} as settlement_month,
        day as first_day,
        last_day(day) as last_day
    from days
),

final as (
    select
        months.settlement_month,
        months.first_day,
        months.last_day,
        policies.valid_from as policy_valid_from,
        policies.price_cents,
        policies.envelope_cents,
        policies.minimum_live_s,
        policies.minimum_pool_share_bp,
        policies.minimum_payout_cents,
        policies.look_back_months,
        policies.payment_delay_days,
        policies.pool_rule,
        booked_months.settlement_month is not null as is_closed
    from months
    inner join policies
        on
            months.last_day >= policies.valid_from
            and (policies.valid_until is null or months.last_day < policies.valid_until)
    left join booked_months
        on months.settlement_month = booked_months.settlement_month
)

select * from final
