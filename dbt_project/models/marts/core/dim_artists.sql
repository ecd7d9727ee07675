-- Grain: one row per artist, as named in the catalogue. Bank details are in dim_payees.
with artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

credits as (
    select
        artist_id,
        cast(count(distinct live_id) as bigint) as credited_lives
    from {{ ref('stg_catalogue__live_credits') }}
    group by artist_id
),

final as (
    select
        artists.artist_id,
        artists.name as artist_name,
        categories.category as latest_category,
        categories.valid_from as latest_category_from,
        coalesce(credits.credited_lives, 0) as credited_lives,
        artists.left_on
    from artists
    left join categories
        on
            artists.artist_id = categories.artist_id
            and categories.valid_until is null
    left join credits
        on artists.artist_id = credits.artist_id
)

select * from final
