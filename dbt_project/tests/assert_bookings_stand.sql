-- The marts show exactly what a closed month booked: its periods stay in it, and its
-- lines are all present and unchanged (RULES.md §6). Each row names the month, the
-- period or artist, and the fact that does not hold.
with booked_months as (
    select * from {{ source('booked', 'months') }}
),

booked_periods as (
    select * from {{ source('booked', 'periods') }}
),

booked_lines as (
    select * from {{ source('booked', 'artist_months') }}
),

months as (
    select * from {{ ref('fct_settlement_months') }}
),

periods as (
    select * from {{ ref('int_periods_settled') }}
),

artist_months as (
    select * from {{ ref('fct_artist_months') }}
),

final as (
    select
        booked_months.settlement_month,
        cast(null as string) as subject_id,
        'a closed month is closed' as fact
    from booked_months
    left join months
        on booked_months.settlement_month = months.settlement_month
    where not coalesce(months.is_closed, false)
    union all
    select
        booked_periods.settlement_month,
        booked_periods.period_id as subject_id,
        'a booked period stays in its month' as fact
    from booked_periods
    inner join periods
        on booked_periods.period_id = periods.period_id
    where booked_periods.settlement_month != periods.settlement_month
    union all
    select
        booked_lines.settlement_month,
        booked_lines.artist_id as subject_id,
        'a booked line is shown as it was booked' as fact
    from booked_lines
    left join artist_months
        on
            booked_lines.settlement_month = artist_months.settlement_month
            and booked_lines.artist_id = artist_months.artist_id
    where
        booked_lines.direct_nanos != coalesce(artist_months.booked_direct_nanos, -1)
        or booked_lines.pool_nanos != coalesce(artist_months.booked_pool_nanos, -1)
        or booked_lines.earned_nanos != coalesce(artist_months.booked_earned_nanos, -1)
        or booked_lines.earned_cents != coalesce(artist_months.booked_earned_cents, -1)
        or booked_lines.earned_nanos
        != booked_lines.direct_nanos + booked_lines.pool_nanos
)

select * from final
