{{ config(severity='warn') }}
-- Overlapping periods of one subscriber are legal and are each settled on their own
-- (RULES.md §5), but are seldom intended.
-- Each period is compared only with those before it: n periods that all overlap give n
-- − 1 rows.
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
