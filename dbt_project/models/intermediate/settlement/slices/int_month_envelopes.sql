{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month with a period: its envelopes, and where they
-- went.
with slices as (
    select * from {{ ref('int_period_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        cast(count(distinct period_id) as bigint) as periods,
        cast(
            count(distinct case when artist_id is null then period_id end) as bigint
        ) as idle_periods,
        cast(sum(amount_nanos) as bigint) as envelope_nanos,
        cast(
            sum(case when destination = 'direct' then amount_nanos else 0 end) as bigint
        ) as direct_nanos,
        cast(
            sum(case when destination = 'pool' then amount_nanos else 0 end) as bigint
        ) as pool_nanos
    from slices
    group by settlement_month
)

select * from final
