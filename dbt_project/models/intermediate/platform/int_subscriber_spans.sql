-- Grain: subscriber × unbroken run of paid cover (int_paid_covers): the days
-- `[first_day, end_day)` on which the subscriber is active.
-- A run goes on over `churn_grace_days` days without cover: a renewal that is a day
-- late neither loses a subscriber nor wins one back. A run that begins after the last
-- known day is left out: it has not happened yet.
with covers as (
    select * from {{ ref('int_paid_covers') }}
),

preceded as (
    select
        *,
        max(period_end) over (
            partition by subscriber_id
            order by period_start, period_end, period_id
            rows between unbounded preceding and 1 preceding
        ) as preceding_end
    from covers
),

opened as (
    select
        *,
        case
            when preceding_end is null then 1
            when
                period_start
                > {{ add_days('preceding_end', var('churn_grace_days')) }}
                then 1
            else 0
        end as opens_span
    from preceded
),

numbered as (
    select
        *,
        sum(opens_span) over (
            partition by subscriber_id
            order by period_start, period_end, period_id
            rows between unbounded preceding and current row
        ) as span_number
    from opened
),

last_known as (
    select max(day) as day from {{ ref('int_known_days') }}
),

spans as (
    select
        subscriber_id,
        cast(span_number as bigint) as span_number,
        min(period_start) as first_day,
        max(period_end) as end_day
    from numbered
    group by subscriber_id, span_number
),

final as (
    select
        spans.subscriber_id,
        spans.span_number,
        spans.first_day,
        spans.end_day,
        lag(spans.end_day) over (
            partition by spans.subscriber_id
            order by spans.span_number
        ) as preceding_end_day,
        min(spans.first_day) over (
            partition by spans.subscriber_id
        ) as first_ever_day
    from spans
    inner join last_known
        on spans.first_day <= last_known.day
)

select * from final
