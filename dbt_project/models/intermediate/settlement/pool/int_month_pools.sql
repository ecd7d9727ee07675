-- Grain: one row per settlement month: envelopes and the pool, as settled
-- (user-centric) and in the pro-rata counterfactual.
with months as (
    select * from {{ ref('int_settlement_months') }}
),

settled as (
    select * from {{ ref('int_month_envelopes') }}
),

pro_rata_slices as (
    select * from {{ ref('int_pro_rata_slices') }}
),

pro_rata as (
    select
        settlement_month,
        cast(
            sum(case when destination = 'direct' then amount_nanos else 0 end) as bigint
        ) as direct_nanos
    from pro_rata_slices
    group by settlement_month
),

final as (
    select
        months.settlement_month,
        coalesce(settled.periods, 0) as periods,
        coalesce(settled.idle_periods, 0) as idle_periods,
        coalesce(settled.envelope_nanos, 0) as envelope_nanos,
        coalesce(settled.direct_nanos, 0) as direct_nanos,
        coalesce(settled.pool_nanos, 0) as pool_nanos,
        coalesce(settled.envelope_nanos, 0)
        - coalesce(pro_rata.direct_nanos, 0) as pro_rata_pool_nanos
    from months
    left join settled
        on months.settlement_month = settled.settlement_month
    left join pro_rata
        on months.settlement_month = pro_rata.settlement_month
)

select * from final
