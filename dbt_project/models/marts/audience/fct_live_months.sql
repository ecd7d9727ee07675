{{ built_by_month() }}
-- Grain: one row per live and calendar month in Paris in which it was watched or a
-- playback of it was started.
-- Watch time and viewers belong to the days of the watching; playbacks belong to the
-- month of their first heartbeat, so that each counts once. Not additive: `viewers`,
-- `mean_completion_bp`.
with daily_watch as (
    select * from {{ ref('fct_daily_watch') }}
    where {{ is_changed_day('day') }}
),

playbacks as (
    select * from {{ ref('fct_playbacks') }}
    where {{ is_changed_day('started_on') }}
),

watched as (
    select
        live_id,
        {{ month_of('day') }} as month,
        sum(watch_ms) as watch_ms,
        count(distinct subscriber_id) as viewers
    from daily_watch
    group by live_id, {{ month_of('day') }}
),

started as (
    select
        live_id,
        {{ month_of('started_on') }} as month,
        count(*) as playbacks,
        count(completion_bp) as measured_playbacks,
        sum(
            case when completion_bp >= {{ var('completed_bp') }} then 1 else 0 end
        ) as completed_playbacks,
        coalesce(sum(completion_bp), 0) as completions_bp
    from playbacks
    group by live_id, {{ month_of('started_on') }}
),

final as (
    select
        coalesce(watched.live_id, started.live_id) as live_id,
        coalesce(watched.month, started.month) as month,
        cast(coalesce(watched.watch_ms, 0) as bigint) as watch_ms,
        cast(coalesce(started.playbacks, 0) as bigint) as playbacks,
        cast(coalesce(watched.viewers, 0) as bigint) as viewers,
        cast(coalesce(started.measured_playbacks, 0) as bigint) as measured_playbacks,
        cast(coalesce(started.completed_playbacks, 0) as bigint) as completed_playbacks,
        {{ share_rounded('started.completions_bp', 1, 'started.measured_playbacks') }}
            as mean_completion_bp
    from watched
    full outer join started
        on
            watched.live_id = started.live_id
            and watched.month = started.month
)

select * from final
