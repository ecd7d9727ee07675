{{ config(severity='warn') }}
-- A day without heartbeats, or far outside the band of the last weeks, may be an upload
-- that is missing or came under other ids. It is shown, and named again before a close.
with warnings as (
    select * from {{ ref('fct_close_warnings') }}
),

final as (
    select
        settlement_month,
        subject_id,
        found
    from warnings
    where kind in ('day_without_heartbeats', 'day_unusual')
)

select * from final
