{{ built_by_month(day='day', inputs='int_platform_inputs') }}
-- Grain: one row per known Paris day, without gaps. Active of the day before + new +
-- reactivated − churned = active.
-- Not additive over days: `active_subscribers`, `watchers*` and the peak. The rest is
-- additive.
{%- set kept = is_incremental() %}
with days as (
    select * from {{ ref('int_days_known') }}
    where {{ is_changed_day('day') }}
),

spans as (
    select * from {{ ref('int_subscriber_spans') }}
),

daily_watch as (
    select * from {{ ref('fct_daily_watch') }}
    where {{ is_changed_day('day', days_before=28) }}
),

playbacks as (
    select
        started_on as day,
        cast(count(*) as bigint) as playbacks
    from {{ ref('fct_playbacks') }}
    where {{ is_changed_day('started_on') }}
    group by started_on
),

viewing_sessions as (
    select
        started_on as day,
        cast(count(*) as bigint) as viewing_sessions
    from {{ ref('fct_viewing_sessions') }}
    where {{ is_changed_day('started_on') }}
    group by started_on
),

peaks as (
    select * from {{ ref('int_playback_peaks') }}
    where {{ is_changed_day('day') }}
),

-- State on the last day that is kept; a full build has none.
last_kept_day as (
    select max(day) as day
    from {{ this if is_incremental() else 'days' }}
    where not ({{ is_changed_day('day') }})
),

before as (
    select
        coalesce(max({{ 'kept.active_subscribers' if kept else '0' }}), 0)
            as active_subscribers,
        coalesce(max({{ 'kept.watchers_7d' if kept else '0' }}), 0) as watchers_7d,
        coalesce(max({{ 'kept.watchers_28d' if kept else '0' }}), 0) as watchers_28d
    from {{ this if kept else 'days' }} as kept
    inner join last_kept_day
        on kept.day = last_kept_day.day
),

joined as (
    select
        first_day as day,
        sum(case when span_number = 1 then 1 else 0 end) as new_subscribers,
        sum(case when span_number > 1 then 1 else 0 end) as reactivated_subscribers
    from spans
    group by first_day
),

churned as (
    select
        end_day as day,
        count(*) as churned_subscribers
    from spans
    group by end_day
),

subscriber_days as (
    select
        subscriber_id,
        day,
        sum(watch_ms) as watch_ms
    from daily_watch
    group by subscriber_id, day
),

watched as (
    select
        day,
        cast(count(*) as bigint) as watchers,
        cast(sum(watch_ms) as bigint) as watch_ms
    from subscriber_days
    group by day
),

-- A watcher of a day is one of the next 7 (28) days, until the next day with watch time
-- takes over: no watcher is counted twice, and no day is multiplied.
followed as (
    select
        day,
        lead(day) over (partition by subscriber_id order by day) as next_day
    from subscriber_days
),

reach_steps as (
    select
        day,
        1 as step_7d,
        1 as step_28d
    from followed
    union all
    select
        least(next_day, {{ add_days('day', 7) }}) as day,
        -1 as step_7d,
        0 as step_28d
    from followed
    union all
    select
        least(next_day, {{ add_days('day', 28) }}) as day,
        0 as step_7d,
        -1 as step_28d
    from followed
),

reached as (
    select
        day,
        sum(step_7d) as step_7d,
        sum(step_28d) as step_28d
    from reach_steps
    group by day
),

of_days as (
    select
        days.day,
        days.month,
        coalesce(joined.new_subscribers, 0) as new_subscribers,
        coalesce(churned.churned_subscribers, 0) as churned_subscribers,
        coalesce(joined.reactivated_subscribers, 0) as reactivated_subscribers,
        coalesce(watched.watchers, 0) as watchers,
        coalesce(reached.step_7d, 0) as step_7d,
        coalesce(reached.step_28d, 0) as step_28d,
        coalesce(watched.watch_ms, 0) as watch_ms,
        coalesce(playbacks.playbacks, 0) as playbacks,
        coalesce(viewing_sessions.viewing_sessions, 0) as viewing_sessions,
        coalesce(peaks.peak_concurrent_playbacks, 0) as peak_concurrent_playbacks,
        peaks.peak_at
    from days
    left join joined on days.day = joined.day
    left join churned on days.day = churned.day
    left join watched on days.day = watched.day
    left join reached on days.day = reached.day
    left join playbacks on days.day = playbacks.day
    left join viewing_sessions on days.day = viewing_sessions.day
    left join peaks on days.day = peaks.day
),

final as (
    select
        of_days.day,
        of_days.month,
        cast(
            before.active_subscribers
            + sum(
                of_days.new_subscribers
                + of_days.reactivated_subscribers
                - of_days.churned_subscribers
            ) over so_far
            as bigint
        ) as active_subscribers,
        cast(of_days.new_subscribers as bigint) as new_subscribers,
        cast(of_days.churned_subscribers as bigint) as churned_subscribers,
        cast(of_days.reactivated_subscribers as bigint) as reactivated_subscribers,
        of_days.watchers,
        cast(before.watchers_7d + sum(of_days.step_7d) over so_far as bigint)
            as watchers_7d,
        cast(before.watchers_28d + sum(of_days.step_28d) over so_far as bigint)
            as watchers_28d,
        of_days.watch_ms,
        of_days.playbacks,
        of_days.viewing_sessions,
        of_days.peak_concurrent_playbacks,
        of_days.peak_at
    from of_days
    cross join before
    window so_far as (
        order by of_days.day rows between unbounded preceding and current row
    )
)

select * from final
