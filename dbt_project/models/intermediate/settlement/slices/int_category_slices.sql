{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month, category and destination, summed over periods
-- and artists. Idle periods have no category.
with slices as (
    select * from {{ ref('int_period_slices') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        category,
        destination,
        cast(sum(amount_nanos) as bigint) as amount_nanos
    from slices
    group by settlement_month, category, destination
)

select * from final
