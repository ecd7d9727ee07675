{{ config(materialized='view') }}
-- Grain: one row per paid period, artist and category; an idle period is one row
-- without artist. Slices of a period sum to its envelope, to the nano (RULES.md
-- §5.1–§5.3).
with slices as (
    select * from {{ ref('int_period_slices') }}
),

final as (
    select
        period_id,
        subscriber_id,
        settlement_month,
        artist_id,
        category,
        cast(weight as decimal(38, 0)) as weight,
        amount_nanos,
        destination
    from slices
)

select * from final
