-- The platform's figures agree: active on the day before, plus those who came, minus
-- those who left, is active; cohorts sum to active; days, months and lives each sum to
-- all watch time, playbacks and sessions. Each row is a fact that does not hold, its
-- subject, the expected value and the value found.
with platform_days as (
    select
        *,
        lag(active_subscribers, 1, 0) over (order by day) as active_subscribers_before
    from {{ ref('fct_platform_days') }}
),

platform_months as (
    select * from {{ ref('fct_platform_months') }}
),

newest as (
    select max(day) as day from platform_days
),

of_days as (
    select
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks,
        sum(viewing_sessions) as viewing_sessions
    from platform_days
),

of_months as (
    select
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks,
        sum(viewing_sessions) as viewing_sessions
    from platform_months
),

of_lives as (
    select
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks
    from {{ ref('fct_live_months') }}
),

of_starts as (
    select sum(playbacks) as playbacks from {{ ref('fct_live_starts') }}
),

of_watch as (
    select sum(watch_ms) as watch_ms from {{ ref('fct_daily_watch') }}
),

of_playbacks as (
    select count(*) as playbacks from {{ ref('fct_playbacks') }}
),

of_sessions as (
    select count(*) as viewing_sessions from {{ ref('fct_viewing_sessions') }}
),

covered as (
    select count(distinct spans.subscriber_id) as active_subscribers
    from {{ ref('int_subscriber_spans') }} as spans
    inner join newest
        on
            spans.first_day <= newest.day
            and spans.end_day > newest.day
),

retained as (
    select
        month,
        sum(retained_subscribers) as retained_subscribers
    from {{ ref('fct_subscriber_cohorts') }}
    group by month
),

facts as (
    select
        'active = active the day before + new + reactivated - churned' as fact,
        cast(day as string) as subject,
        active_subscribers_before
        + new_subscribers
        + reactivated_subscribers
        - churned_subscribers as expected,
        active_subscribers as found
    from platform_days
    union all
    select
        'active on the newest day = covered on it' as fact,
        cast(newest.day as string) as subject,
        covered.active_subscribers as expected,
        platform_days.active_subscribers as found
    from newest
    inner join platform_days
        on newest.day = platform_days.day
    cross join covered
    union all
    select
        'active at the end of a month = retained of all cohorts' as fact,
        platform_months.month as subject,
        coalesce(retained.retained_subscribers, 0) as expected,
        platform_months.active_subscribers_at_end as found
    from platform_months
    left join retained
        on platform_months.month = retained.month
    union all
    select
        'watch time of the days' as fact,
        'all' as subject,
        of_watch.watch_ms as expected,
        of_days.watch_ms as found
    from of_watch
    cross join of_days
    union all
    select
        'watch time of the months' as fact,
        'all' as subject,
        of_watch.watch_ms as expected,
        of_months.watch_ms as found
    from of_watch
    cross join of_months
    union all
    select
        'watch time of the lives' as fact,
        'all' as subject,
        of_watch.watch_ms as expected,
        of_lives.watch_ms as found
    from of_watch
    cross join of_lives
    union all
    select
        'playbacks of the days' as fact,
        'all' as subject,
        of_playbacks.playbacks as expected,
        coalesce(of_days.playbacks, 0) as found
    from of_playbacks
    cross join of_days
    union all
    select
        'playbacks of the months' as fact,
        'all' as subject,
        of_playbacks.playbacks as expected,
        coalesce(of_months.playbacks, 0) as found
    from of_playbacks
    cross join of_months
    union all
    select
        'playbacks of the lives' as fact,
        'all' as subject,
        of_playbacks.playbacks as expected,
        coalesce(of_lives.playbacks, 0) as found
    from of_playbacks
    cross join of_lives
    union all
    select
        'playbacks by where they started' as fact,
        'all' as subject,
        of_playbacks.playbacks as expected,
        coalesce(of_starts.playbacks, 0) as found
    from of_playbacks
    cross join of_starts
    union all
    select
        'viewing sessions of the days' as fact,
        'all' as subject,
        of_sessions.viewing_sessions as expected,
        coalesce(of_days.viewing_sessions, 0) as found
    from of_sessions
    cross join of_days
    union all
    select
        'viewing sessions of the months' as fact,
        'all' as subject,
        of_sessions.viewing_sessions as expected,
        coalesce(of_months.viewing_sessions, 0) as found
    from of_sessions
    cross join of_months
),

final as (
    select *
    from facts
    where coalesce(expected, 0) != coalesce(found, 0)
)

select * from final
