{{ built_by_month() }}
-- Grain: one row per calendar month in Paris, live and minute of it (0 = the first)
-- that was the furthest of a playback with watch time started in the month. `playbacks`
-- is additive.
with playbacks as (
    select * from {{ ref('int_playbacks_sessionized') }}
    where {{ is_changed_day('started_on') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

-- The minute of the furthest position, capped at the last millisecond of the live: a
-- live of exactly 60 minutes has the minutes 0 to 59. No live is followed beyond a day.
reached as (
    select
        playbacks.live_id,
        playbacks.started_on,
        {{ share_floor(
            'least(playbacks.max_position_ms, lives.duration_s * 1000 - 1, 86399999)',
            1,
            60000,
        ) }} as minute
    from playbacks
    inner join lives
        on playbacks.live_id = lives.live_id
    where
        playbacks.watch_ms > 0
        and playbacks.max_position_ms is not null
        and lives.duration_s > 0
),

-- Group by day first: there are few days, and a month is a text, slower to group by.
left_at as (
    select
        live_id,
        started_on,
        minute,
        count(*) as playbacks
    from reached
    group by live_id, started_on, minute
),

final as (
    select
        {{ month_of('started_on') }} as month,
        live_id,
        minute,
        cast(sum(playbacks) as bigint) as playbacks
    from left_at
    group by {{ month_of('started_on') }}, live_id, minute
)

select * from final
