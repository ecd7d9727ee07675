-- Grain: one row per catalogue, artist and `valid_from`: the changes of category that
-- were not deleted. The catalogues are those of int_catalogue_lives.
with today as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

booked as (
    select * from {{ ref('stg_booked__artist_categories') }}
),

final as (
    select
        cast(null as string) as catalogue,
        artist_id,
        category,
        valid_from,
        valid_until
    from today
    union all
    select
        catalogue,
        artist_id,
        category,
        valid_from,
        valid_until
    from booked
)

select * from final
