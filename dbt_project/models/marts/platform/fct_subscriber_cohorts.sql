-- Grain: one row per cohort (the calendar month, in Paris, of a subscriber's first day
-- of paid cover) and month since, 0 = the cohort's own, up to the newest known month.
-- Not additive over `months_since`. Over the cohorts of one month,
-- `retained_subscribers` sums to `active_subscribers_at_end` of fct_platform_months.
with known_days as (
    select * from {{ ref('int_days_known') }}
),

spans as (
    select * from {{ ref('int_subscriber_spans') }}
),

months as (
    select
        month,
        max(day) as last_day
    from known_days
    group by month
),

newest as (
    select max(day) as day from known_days
),

cohorts as (
    select
        {{ month_of('first_ever_day') }} as cohort_month,
        count(*) as subscribers
    from spans
    where span_number = 1
    group by {{ month_of('first_ever_day') }}
),

steps as (
    select
        {{ month_of('first_ever_day') }} as cohort_month,
        {{ month_of('first_day') }} as month,
        1 as step
    from spans
    union all
    select
        {{ month_of('spans.first_ever_day') }} as cohort_month,
        {{ month_of('spans.end_day') }} as month,
        -1 as step
    from spans
    inner join newest
        on spans.end_day <= newest.day
),

stepped as (
    select
        cohort_month,
        month,
        sum(step) as step
    from steps
    group by cohort_month, month
),

cohort_months as (
    select
        cohorts.cohort_month,
        cohorts.subscribers,
        months.month,
        row_number() over (
            partition by cohorts.cohort_month
            order by months.month
        ) - 1 as months_since,
        sum(coalesce(stepped.step, 0)) over (
            partition by cohorts.cohort_month
            order by months.month
            rows between unbounded preceding and current row
        ) as retained_subscribers
    from cohorts
    inner join months
        on cohorts.cohort_month <= months.month
    left join stepped
        on
            cohorts.cohort_month = stepped.cohort_month
            and months.month = stepped.month
),

final as (
    select
        cohort_month,
        cast(months_since as bigint) as months_since,
        month,
        cast(subscribers as bigint) as subscribers,
        cast(retained_subscribers as bigint) as retained_subscribers,
        {{ share_rounded('retained_subscribers', 10000, 'subscribers') }} as retained_bp
    from cohort_months
)

select * from final
