{{ built_by_month(inputs='int_platform_inputs') }}
-- Grain: one row per calendar month in Paris with a known day. Active at the start +
-- new + reactivated − churned = active at the end.
-- Not additive over months: all counts of distinct or present subscribers, MRR, the
-- shares and the peak. The rest is additive.
with known_days as (
    select * from {{ ref('int_days_known') }}
),

platform_days as (
    select * from {{ ref('fct_platform_days') }}
),

settlement_months as (
    select * from {{ ref('fct_settlement_months') }}
),

spans as (
    select * from {{ ref('int_subscriber_spans') }}
),

covers as (
    select * from {{ ref('int_periods_paid') }}
),

daily_watch as (
    select * from {{ ref('fct_daily_watch') }}
    where {{ is_changed_day('day') }}
),

counting_watch as (
    select * from {{ ref('int_counting_live_months') }}
    where {{ is_changed_month('month') }}
),

months as (
    select
        month,
        min(day) as first_day,
        max(day) as last_day
    from known_days
    group by month
),

newest as (
    select max(day) as day from known_days
),

totals as (
    select
        month,
        sum(new_subscribers) as new_subscribers,
        sum(churned_subscribers) as churned_subscribers,
        sum(reactivated_subscribers) as reactivated_subscribers,
        sum(watch_ms) as watch_ms,
        sum(playbacks) as playbacks,
        sum(viewing_sessions) as viewing_sessions
    from platform_days
    group by month
),

ranked_days as (
    select
        month,
        peak_concurrent_playbacks,
        peak_at,
        row_number() over (
            partition by month
            order by peak_concurrent_playbacks desc, day asc
        ) as place
    from platform_days
),

-- The month from which a run of cover counts, and the first month after it. A run that
-- begins in the month in which the subscriber's previous one ended counts from the next
-- month on.
span_months as (
    select
        subscriber_id,
        span_number,
        {{ month_of('first_day') }} as first_month,
        {{ month_of(add_days('end_day', -1)) }} as last_month,
        {{ month_of(add_days('preceding_end_day', -1)) }} as preceding_last_month
    from spans
),

presence_steps as (
    select
        case
            when first_month = preceding_last_month
                then {{ month_of(add_months("cast(first_month || '-01' as date)", 1)) }}
            else first_month
        end as month,
        1 as step
    from span_months
    union all
    select
        {{ month_of(add_months("cast(last_month || '-01' as date)", 1)) }} as month,
        -1 as step
    from span_months
),

presence as (
    select
        month,
        sum(step) as step
    from presence_steps
    group by month
),

present as (
    select
        months.month,
        sum(coalesce(presence.step, 0)) over (
            order by months.month
            rows between unbounded preceding and current row
        ) as active_subscribers
    from months
    left join presence
        on months.month = presence.month
),

revenue as (
    select
        months.month,
        sum(covers.price_cents) as mrr_incl_vat_cents
    from months
    inner join covers
        on
            months.last_day >= covers.period_start
            and months.last_day < covers.period_end
    group by months.month
),

watched as (
    select
        {{ month_of('day') }} as month,
        count(distinct subscriber_id) as watchers
    from daily_watch
    group by {{ month_of('day') }}
),

counted as (
    select
        month,
        sum(watch_ms) as counting_watch_ms
    from counting_watch
    group by month
),

-- Subscribers who watched something that counts in a month that a run of cover touched.
watched_active as (
    select
        counting_watch.month,
        count(distinct counting_watch.subscriber_id) as subscribers
    from counting_watch
    inner join span_months
        on
            counting_watch.subscriber_id = span_months.subscriber_id
            and counting_watch.month >= span_months.first_month
            and counting_watch.month <= span_months.last_month
    group by counting_watch.month
),

of_months as (
    select
        months.month,
        months.last_day,
        newest.day > months.last_day
        or coalesce(settlement_months.is_closed, false) as is_complete,
        present.active_subscribers,
        last_days.active_subscribers as active_subscribers_at_end,
        last_days.active_subscribers
        - totals.new_subscribers
        - totals.reactivated_subscribers
        + totals.churned_subscribers as active_subscribers_at_start,
        totals.new_subscribers,
        totals.churned_subscribers,
        totals.reactivated_subscribers,
        coalesce(revenue.mrr_incl_vat_cents, 0) as mrr_incl_vat_cents,
        coalesce(settlement_months.envelope_nanos, 0) as envelope_nanos,
        totals.watch_ms,
        coalesce(counted.counting_watch_ms, 0) as counting_watch_ms,
        coalesce(watched.watchers, 0) as watchers,
        present.active_subscribers
        - coalesce(watched_active.subscribers, 0) as idle_subscribers,
        totals.playbacks,
        totals.viewing_sessions,
        ranked_days.peak_concurrent_playbacks,
        ranked_days.peak_at
    from months
    cross join newest
    inner join totals
        on months.month = totals.month
    inner join present
        on months.month = present.month
    inner join platform_days as last_days
        on months.last_day = last_days.day
    inner join ranked_days
        on
            months.month = ranked_days.month
            and ranked_days.place = 1
    left join settlement_months
        on months.month = settlement_months.settlement_month
    left join revenue
        on months.month = revenue.month
    left join watched
        on months.month = watched.month
    left join counted
        on months.month = counted.month
    left join watched_active
        on months.month = watched_active.month
),

final as (
    select
        month,
        last_day as known_until_day,
        is_complete,
        cast(active_subscribers as bigint) as active_subscribers,
        cast(active_subscribers_at_start as bigint) as active_subscribers_at_start,
        cast(active_subscribers_at_end as bigint) as active_subscribers_at_end,
        cast(new_subscribers as bigint) as new_subscribers,
        cast(churned_subscribers as bigint) as churned_subscribers,
        cast(reactivated_subscribers as bigint) as reactivated_subscribers,
        {{ share_rounded('churned_subscribers', 10000, 'active_subscribers_at_start') }}
            as gross_churn_bp,
        {{ share_rounded(
            'churned_subscribers - reactivated_subscribers',
            10000,
            'active_subscribers_at_start',
        ) }} as net_churn_bp,
        cast(mrr_incl_vat_cents as bigint) as mrr_incl_vat_cents,
        {{ share_rounded('mrr_incl_vat_cents', 10000, 10000 + var('vat_bp')) }}
            as mrr_excl_vat_cents,
        cast(envelope_nanos as bigint) as envelope_nanos,
        cast(watch_ms as bigint) as watch_ms,
        cast(counting_watch_ms as bigint) as counting_watch_ms,
        cast(watchers as bigint) as watchers,
        cast(idle_subscribers as bigint) as idle_subscribers,
        {{ share_rounded('idle_subscribers', 10000, 'active_subscribers') }}
            as idle_share_bp,
        cast(playbacks as bigint) as playbacks,
        cast(viewing_sessions as bigint) as viewing_sessions,
        peak_concurrent_playbacks,
        peak_at
    from of_months
    where {{ is_changed_month('month') }}
)

select * from final
