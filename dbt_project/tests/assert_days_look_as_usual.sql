{{ config(severity='warn') }}
-- The upload of a day without heartbeats, or far outside the band of the last weeks,
-- can be missing or have come under other ids. The test warns, and the day is named
-- again before a close. Days after the last heartbeat do not matter until their month
-- is over.
with days as (
    select * from {{ ref('fct_watch_days') }}
),

final as (
    select
        day,
        playbacks,
        watch_ms,
        usual_watch_ms
    from days
    where
        playbacks = 0
        or is_out_of_band
)

select * from final
