-- Grain: one row per subscription period that is paid and has an envelope, with the
-- month that settles it (RULES.md §5, §6).
-- Odd rule: a booked period stays in the month that booked it, whatever its later
-- dates. A period that is booked nowhere, and whose month is final or before the first
-- run, is settled in the next run. In both cases its own days weigh.
with periods as (
    select * from {{ ref('stg_billing__periods') }}
),

booked_periods as (
    select * from {{ source('booked', 'periods') }}
),

booked_months as (
    select * from {{ source('booked', 'months') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

next_run as (
    select
        max(settlement_month) as last_closed_month,
        {{ month_of(
            add_months("cast(max(settlement_month) || '-01' as date)", 1)
        ) }} as next_month
    from booked_months
),

dated as (
    select
        periods.*,
        booked_periods.settlement_month as booked_month,
        coalesce(months_adjusted.is_in_look_back, false) as is_adjusted
    from periods
    left join booked_periods
        on periods.period_id = booked_periods.period_id
    left join booked_months as months_adjusted
        on periods.last_day_month = months_adjusted.settlement_month
),

assigned as (
    select
        dated.*,
        case
            when dated.booked_month is not null then dated.booked_month
            when next_run.last_closed_month is null then dated.last_day_month
            when dated.last_day_month > next_run.last_closed_month
                then dated.last_day_month
            when dated.is_adjusted then dated.last_day_month
            else next_run.next_month
        end as settlement_month
    from dated
    cross join next_run
),

priced as (
    select
        assigned.*,
        coalesce(
            assigned.envelope_cents,
            {{ envelope_by_policy('assigned.price_cents', 'months.envelope_cents') }}
        ) as whole_envelope_cents
    from assigned
    inner join months
        on assigned.settlement_month = months.settlement_month
),

refunded as (
    select
        *,
        {{ left_of_envelope('whole_envelope_cents', 'price_cents', 'refunded_cents') }}
            as settled_envelope_cents
    from priced
),

final as (
    select
        period_id,
        subscriber_id,
        period_start,
        period_end,
        settlement_month,
        last_day_month,
        booked_month is not null as is_booked,
        cast(
            settled_envelope_cents * {{ var('nanos_per_cent') }} as bigint
        ) as envelope_nanos
    from refunded
    where
        status = 'paid'
        and settled_envelope_cents > 0
)

select * from final
