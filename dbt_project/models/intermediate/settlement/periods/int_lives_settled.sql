{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month and live that was watched in a period that the
-- month settles, with the catalogue that applies to the month.
with settled_days as (
    select * from {{ ref('int_live_days_settled') }}
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
