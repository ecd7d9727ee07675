{{ config(severity='warn') }}
-- Overlapping periods of one subscriber are legal, each is settled on its own (RULES.md
-- §5), but seldom meant.
-- Each is compared with what came before it only: n periods that all overlap give n − 1
-- rows.
with periods as (
    select * from {{ ref('int_periods_settled') }}
),

preceded as (
    select
        subscriber_id,
        period_id,
        period_start,
        period_end,
        max(period_end) over (
            partition by subscriber_id
            order by period_start, period_end, period_id
            rows between unbounded preceding and 1 preceding
        ) as preceding_end
    from periods
),

final as (
    select *
    from preceded
    where period_start < preceding_end
)

select * from final
