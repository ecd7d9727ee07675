-- Grain: one row per subscriber and unbroken run of paid cover (int_periods_paid): the
-- days `[first_day, end_day)` on which the subscriber is active.
-- A run continues over `churn_grace_days` days without cover: a renewal that is a day
-- late neither loses a subscriber nor wins one back. A run that begins after the last
-- known day is left out: it has not happened yet.
with covers as (
    select * from {{ ref('int_periods_paid') }}
),

preceded as (
    select
        subscriber_id,
        period_start,
        max(period_end) over (
            partition by subscriber_id
            order by period_start, period_end, period_id
            rows between unbounded preceding and 1 preceding
        ) as preceding_end,
        max(period_end) over (partition by subscriber_id) as last_end
    from covers
),

openings as (
    select
        subscriber_id,
        period_start as first_day,
        preceding_end,
        last_end
    from preceded
    where
        preceding_end is null
        or period_start > {{ add_days('preceding_end', var('churn_grace_days')) }}
),

-- A run ends when all periods before the next run have ended.
spans as (
    select
        subscriber_id,
        first_day,
        preceding_end as preceding_end_day,
        row_number() over in_order as span_number,
        coalesce(lead(preceding_end) over in_order, last_end) as end_day,
        min(first_day) over (partition by subscriber_id) as first_ever_day
    from openings
    window in_order as (partition by subscriber_id order by first_day)
),

last_known as (
    select max(day) as day from {{ ref('int_days_known') }}
),

final as (
    select
        spans.subscriber_id,
        cast(spans.span_number as bigint) as span_number,
        spans.first_day,
        spans.end_day,
        spans.preceding_end_day,
        spans.first_ever_day
    from spans
    inner join last_known
        on spans.first_day <= last_known.day
)

select * from final
