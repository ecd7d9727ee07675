{{ config(severity='warn') }}
-- A subscriber who watches more than 24 h per day shares an account or forges
-- heartbeats. The test only warns: no envelope grows by it (RULES.md §8
-- "fraud-bounded"). Each row is a subscriber's month with such a day.
with warnings as (
    select * from {{ ref('fct_close_warnings') }}
),

final as (
    select
        settlement_month,
        subject_id,
        found
    from warnings
    where kind = 'day_over_24_hours'
)

select * from final
