{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: settlement month × live that was watched in a period that the month settles,
-- with the catalogue that judges it.
with settled_days as (
    select * from {{ ref('int_settled_days') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        catalogue,
        live_id
    from settled_days
    group by settlement_month, catalogue, live_id
)

select * from final
