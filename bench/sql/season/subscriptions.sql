-- Grain: a record of a period. Everything that billing delivers on $day: the periods that begin on it (on the season's
-- first day also those that already run), and refunds of one in a hundred of the periods that began five days before.
with periods as (
    select
        number,
        month,
        cast($first_day + cast(joined_on_day(number) as integer) + to_months(cast(month as integer)) as date)
            as period_start,
        cast($first_day + cast(joined_on_day(number) as integer) + to_months(cast(month + 1 as integer)) as date)
            as period_end
    -- Counting months of 30 days finds the month that covers the day only roughly: its neighbours are tried too.
    from range($subscribers) as numbers(number), range(-2, 2) as around(step), lateral (
        select cast(($day - joined_on_day(number)) // 30 + step as bigint) as month
    ) as months
    where month >= 0 and month < months_paid(number)
),

records as (
    select *, 'paid' as status, period_start as known_on
    from periods
    where period_start = $first_day + $day or ($day = 0 and period_start < $first_day and period_end > $first_day)
    union all
    select *, 'refunded' as status, period_start + 5 as known_on
    from periods
    where period_start + 5 = $first_day + $day and hash(number, month, 'refund') % 100 = 0
),

final as (
    select
        'period-' || number || '-' || month as period_id,
        text_id('subscriber', number) as subscriber_id,
        period_start,
        period_end,
        status,
        strftime(known_on, '%Y-%m-%dT06:00:00Z') as updated_at,
        'mensuel' as plan_id,
        499 as price_cents,
        100 as envelope_cents
    from records
)

select * from final order by period_id, status
