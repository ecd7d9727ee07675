{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month, live and Paris day on which the live was watched
-- in a period that the month settles, with the catalogue that applies to the month.
with watch as (
    select * from {{ ref('int_period_live_days') }}
    where {{ is_changed_month('settlement_month') }}
),

final as (
    select
        settlement_month,
        catalogue,
        live_id,
        event_day
    from watch
    group by settlement_month, catalogue, live_id, event_day
)

select * from final
