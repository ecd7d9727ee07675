-- Grain: one row per subscription period that is paid for: paid, at a price above 0,
-- and not before the first known day (a period with a mistyped year covers no one).
-- A trial covers no one, and neither does a fully refunded period; the price is net of
-- refunds. A missing price is the policy's price of the month in which the period ends,
-- or 0 where an envelope of 0 was delivered, as a trial has.
with periods as (
    select * from {{ ref('stg_billing__periods') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

first_known as (
    select min(day) as day from {{ ref('int_days_known') }}
),

priced as (
    select
        periods.period_id,
        periods.subscriber_id,
        periods.period_start,
        periods.period_end,
        coalesce(
            periods.price_cents - coalesce(periods.refunded_cents, 0),
            case when periods.envelope_cents = 0 then 0 else months.price_cents end
        ) as price_cents
    from periods
    inner join months
        on periods.last_day_month = months.settlement_month
    inner join first_known
        on periods.period_start >= first_known.day
    where periods.status = 'paid'
),

final as (
    select
        period_id,
        subscriber_id,
        period_start,
        period_end,
        price_cents
    from priced
    where price_cents > 0
)

select * from final
