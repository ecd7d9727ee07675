-- Grain: one row per live of the catalogue and minute of it, 0 = the first, up to the
-- furthest that anyone reached.
-- A playback is watching at minute m if its furthest position is m minutes or more.
-- This shows how far people got, not how many were there at the same time; parts that
-- were skipped count as seen. Not additive over minutes.
with live_minutes as (
    select * from {{ ref('int_live_minutes') }}
),

left_at as (
    select
        live_id,
        minute,
        sum(playbacks) as playbacks
    from live_minutes
    group by live_id, minute
),

furthest as (
    select
        live_id,
        sum(playbacks) as started_playbacks,
        max(minute) as last_minute
    from left_at
    group by live_id
),

minutes as (
    {{ number_series(
        'furthest',
        ['live_id', 'started_playbacks'],
        'cast(0 as bigint)',
        'last_minute',
        'minute',
    ) }}
),

counted as (
    select
        minutes.live_id,
        minutes.minute,
        minutes.started_playbacks,
        sum(coalesce(left_at.playbacks, 0)) over (
            partition by minutes.live_id
            order by minutes.minute desc
            rows between unbounded preceding and current row
        ) as watching_playbacks
    from minutes
    left join left_at
        on
            minutes.live_id = left_at.live_id
            and minutes.minute = left_at.minute
),

final as (
    select
        live_id,
        minute,
        cast(watching_playbacks as bigint) as watching_playbacks,
        cast(started_playbacks as bigint) as started_playbacks
    from counted
)

select * from final
