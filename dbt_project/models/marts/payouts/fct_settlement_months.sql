-- Grain: one row per settlement month, with its policy and its totals on today's data.
-- Nanos are additive over months, except open envelopes.
with months as (
    select * from {{ ref('int_settlement_months') }}
),

pools as (
    select * from {{ ref('int_month_pools') }}
),

members as (
    select
        settlement_month,
        cast(count(*) as bigint) as pool_members
    from {{ ref('int_pool_members') }}
    group by settlement_month
),

envelopes as (
    select
        settlement_month,
        period_start,
        count(*) as periods,
        sum(envelope_nanos) as envelope_nanos
    from {{ ref('int_periods_settled') }}
    group by settlement_month, period_start
),

open_envelopes as (
    select
        months.settlement_month,
        cast(sum(envelopes.periods) as bigint) as open_periods,
        cast(sum(envelopes.envelope_nanos) as bigint) as open_envelope_nanos
    from months
    inner join envelopes
        on
            months.last_day >= envelopes.period_start
            and months.settlement_month < envelopes.settlement_month
    group by months.settlement_month
),

unbooked as (
    select
        settlement_month,
        cast(count(*) as bigint) as unbooked_periods
    from {{ ref('int_periods_settled') }}
    where not is_booked
    group by settlement_month
),

final as (
    select
        months.settlement_month,
        months.first_day,
        months.last_day,
        months.is_closed,
        months.is_in_look_back,
        months.catalogue,
        pools.periods,
        pools.idle_periods,
        pools.envelope_nanos,
        pools.direct_nanos,
        pools.pool_nanos,
        coalesce(members.pool_members, 0) as pool_members,
        coalesce(unbooked.unbooked_periods, 0) as unbooked_periods,
        coalesce(open_envelopes.open_periods, 0) as open_periods,
        coalesce(open_envelopes.open_envelope_nanos, 0) as open_envelope_nanos,
        months.policy_valid_from,
        months.price_cents,
        months.envelope_cents,
        months.minimum_live_s,
        months.minimum_pool_share_bp,
        months.minimum_payout_cents,
        months.look_back_months,
        months.payment_delay_days,
        months.pool_rule
    from months
    inner join pools
        on months.settlement_month = pools.settlement_month
    left join members
        on months.settlement_month = members.settlement_month
    left join unbooked
        on months.settlement_month = unbooked.settlement_month
    left join open_envelopes
        on months.settlement_month = open_envelopes.settlement_month
)

select * from final
