{{ config(severity='warn') }}
-- Overlapping periods of one subscriber are legal, each is settled on its own (RULES.md
-- §5), but seldom meant.
-- Each is compared with what came before it only: n periods that all overlap give n − 1
-- rows.
with warnings as (
    select * from {{ ref('fct_close_warnings') }}
),

final as (
    select
        settlement_month,
        subject_id,
        found
    from warnings
    where kind = 'periods_overlap'
)

select * from final
