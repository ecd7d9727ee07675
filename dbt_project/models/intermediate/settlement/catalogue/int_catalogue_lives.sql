-- Grain: one row per catalogue and item, with the columns that settling needs.
-- `catalogue` is null for today's catalogue, or the closed month whose pinned versions
-- it is (RULES.md §6).
with today as (
    select * from {{ ref('stg_catalogue__lives') }}
),

booked as (
    select * from {{ ref('stg_booked__lives') }}
),

final as (
    select
        cast(null as string) as catalogue,
        live_id,
        kind,
        exclusive,
        duration_s,
        published_on
    from today
    union all
    select
        catalogue,
        live_id,
        kind,
        exclusive,
        duration_s,
        published_on
    from booked
)

select * from final
