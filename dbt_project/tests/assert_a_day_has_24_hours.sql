{{ config(severity='warn') }}
-- A subscriber who watches more than 24 h a day shares an account or forges heartbeats.
-- It is shown, not judged: no envelope grows by it (RULES.md §8 "fraud-bounded"). A row
-- is a subscriber's month with such a day.
with subscriber_months as (
    select * from {{ ref('int_subscriber_months') }}
),

final as (
    select
        subscriber_id,
        month,
        longest_day_ms
    from subscriber_months
    where longest_day_ms > 24 * 60 * 60 * 1000
)

select * from final
