-- Grain: one row per Paris day of the settlement months with any record.
with months as (
    select * from {{ ref('int_settlement_months') }}
),

days as (
    {{ day_series('months', 'first_day', 'last_day') }}
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
