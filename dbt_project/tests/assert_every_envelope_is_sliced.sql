-- Every paid period is settled, and its slices sum to its envelope, to the nano
-- (RULES.md §5.1–§5.3, §8 "per-subscriber"). Each row is a period that is not settled,
-- has no slices, has slices without being settled, or whose slices sum to another
-- amount.
with delivered as (
    select
        period_id,
        status = 'paid'
        and envelope_cents > 0
        and coalesce(price_cents > refunded_cents, true) as has_envelope
    from {{ ref('stg_billing__periods') }}
),

periods as (
    select
        *,
        {{ is_unproven_month('settlement_month', 'int_period_slices') }} as is_unproven
    from {{ ref('int_periods_settled') }}
),

sliced as (
    select
        period_id,
        sum(amount_nanos) as sliced_nanos,
        min(amount_nanos) as smallest_nanos
    from {{ ref('fct_period_slices') }}
    where {{ is_unproven_month('settlement_month', 'int_period_slices') }}
    group by period_id
),

final as (
    select
        coalesce(delivered.period_id, sliced.period_id) as period_id,
        periods.settlement_month,
        periods.envelope_nanos,
        sliced.sliced_nanos,
        sliced.smallest_nanos
    from delivered
    full outer join sliced
        on delivered.period_id = sliced.period_id
    left join periods
        on coalesce(delivered.period_id, sliced.period_id) = periods.period_id
    where
        (delivered.has_envelope and periods.period_id is null)
        or (
            coalesce(periods.is_unproven, true)
            and coalesce(periods.envelope_nanos, 0) != coalesce(sliced.sliced_nanos, 0)
        )
        or sliced.smallest_nanos < 0
)

select * from final
