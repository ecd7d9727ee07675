-- Grain: Paris day, from the first to the last settlement month that anything is known
-- of.
with bounds as (
    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from {{ ref('int_settlement_months') }}
),

days as (
    {{ day_series('bounds', 'first_day', 'last_day') }}
),

final as (
    select
        day,
        {{ month_of('day') }} as month,
        cast(extract(year from day) as int) as year,
        cast(extract(quarter from day) as int) as quarter,
        {{ iso_weekday('day') }} as weekday,
        {{ iso_weekday('day') }} >= 6 as is_weekend,
        {{ add_days('day', '1 - ' ~ iso_weekday('day')) }} as week_start
    from days
)

select * from final
