-- Grain: one row per known calendar month. `inputs` is a fingerprint of everything that
-- affects the platform's figures of the month: the watching and how it counts, the
-- subscribers who came and left, how much of the month is known, its revenue, its
-- envelopes and its close.
with known_days as (
    select * from {{ ref('int_days_known') }}
),

month_inputs as (
    select * from {{ ref('int_month_inputs') }}
),

spans as (
    select * from {{ ref('int_subscriber_spans') }}
),

covers as (
    select * from {{ ref('int_periods_paid') }}
),

settlement_months as (
    select * from {{ ref('int_settlement_months') }}
),

pools as (
    select * from {{ ref('int_month_pools') }}
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

span_events as (
    select
        {{ month_of('first_day') }} as month,
        {{ text_of([
            "'comes'", 'subscriber_id', 'span_number', 'first_day', 'preceding_end_day',
        ]) }} as event
    from spans
    union all
    select
        {{ month_of(add_days('end_day', -1)) }} as month,
        {{ text_of(["'leaves'", 'subscriber_id', 'span_number', 'end_day']) }} as event
    from spans
),

came_and_went as (
    select
        month,
        {{ rows_hash('event') }} as spans_hash
    from span_events
    group by month
),

priced_days as (
    select
        period_start,
        period_end,
        sum(price_cents) as price_cents
    from covers
    group by period_start, period_end
),

revenue as (
    select
        months.month,
        sum(priced_days.price_cents) as price_cents
    from months
    inner join priced_days
        on
            months.last_day >= priced_days.period_start
            and months.last_day < priced_days.period_end
    group by months.month
),

final as (
    select
        months.month,
        {{ text_of([
            'month_inputs.inputs',
            'came_and_went.spans_hash',
            'months.first_day',
            'months.last_day',
            'newest.day > months.last_day',
            'revenue.price_cents',
            'pools.envelope_nanos',
            'settlement_months.is_closed',
        ]) }} as inputs
    from months
    cross join newest
    left join month_inputs
        on months.month = month_inputs.month
    left join came_and_went
        on months.month = came_and_went.month
    left join revenue
        on months.month = revenue.month
    left join pools
        on months.month = pools.settlement_month
    left join settlement_months
        on months.month = settlement_months.settlement_month
)

select * from final
