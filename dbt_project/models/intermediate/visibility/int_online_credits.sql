-- Grain: one row per month, live that counts and is online by the month's last day, and
-- credited artist who is on the platform, with the artist's category on that last day
-- (RULES.md §4, §5.4), by today's catalogue.
with months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

final as (
    select
        months.settlement_month as month,
        lives.live_id,
        credits.artist_id,
        categories.category
    from lives
    inner join months
        on
            {{ counts('lives', 'months') }}
            and {{ is_online('lives', 'months') }}
    inner join credit_sets
        on
            lives.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
            and credit_sets.is_valid
    inner join credits
        on lives.live_id = credits.live_id
    inner join categories
        on
            credits.artist_id = categories.artist_id
            and {{ stands_on('categories', 'months.last_day') }}
    left join artists
        on credits.artist_id = artists.artist_id
    where {{ is_still_there('artists', 'months') }}
)

select * from final
