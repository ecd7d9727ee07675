-- Grain: one row per subscriber who ever had a period or sent a heartbeat.
with periods as (
    select
        subscriber_id,
        min(period_start) as first_period_start,
        max(period_end) as last_period_end,
        cast(count(*) as bigint) as periods,
        cast(sum(case when status = 'paid' then 1 else 0 end) as bigint) as paid_periods
    from {{ ref('stg_billing__periods') }}
    group by subscriber_id
),

watchers as (
    select
        subscriber_id,
        min(first_watch_day) as first_watch_day,
        max(last_watch_day) as last_watch_day
    from {{ ref('int_subscriber_months') }}
    group by subscriber_id
),

subscribers as (
    select subscriber_id from periods
    union
    select subscriber_id from {{ ref('int_subscriber_months') }}
),

final as (
    select
        subscribers.subscriber_id,
        periods.first_period_start,
        periods.last_period_end,
        coalesce(periods.periods, 0) as periods,
        coalesce(periods.paid_periods, 0) as paid_periods,
        watchers.first_watch_day,
        watchers.last_watch_day
    from subscribers
    left join periods
        on subscribers.subscriber_id = periods.subscriber_id
    left join watchers
        on subscribers.subscriber_id = watchers.subscriber_id
)

select * from final
