{{ config(severity='warn') }}
-- A day without heartbeats, or far outside the band of the last weeks, may be an upload
-- that is missing or came under other ids. It is shown, and named again before a close;
-- days after the last heartbeat are no matter before their month is over.
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
