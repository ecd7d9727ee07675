{{ config(severity='warn') }}
-- A subscriber who watches more than 24 h a day shares an account or forges heartbeats.
-- It is shown, not judged: no envelope grows by it (RULES.md §8 "fraud-bounded").
with daily_watch as (
    select * from {{ ref('fct_daily_watch') }}
),

final as (
    select
        subscriber_id,
        day,
        sum(watch_ms) as watch_ms
    from daily_watch
    group by subscriber_id, day
    having sum(watch_ms) > 24 * 60 * 60 * 1000
)

select * from final
