-- Grain: settlement month × member of its pool (RULES.md §5.4).
with months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('int_catalogue_lives') }}
),

credits as (
    select * from {{ ref('int_catalogue_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('int_catalogue_categories') }}
),

artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

credited as (
    select
        credits.catalogue,
        credits.artist_id,
        credits.share_bp,
        lives.duration_s,
        lives.published_on
    from credits
    inner join credit_sets
        on
            credits.live_id = credit_sets.live_id
            and credits.catalogue is not distinct from credit_sets.catalogue
            and credit_sets.is_valid
    inner join lives
        on
            credits.live_id = lives.live_id
            and credits.catalogue is not distinct from lives.catalogue
    where
        lives.kind = 'live'
        and lives.exclusive
),

final as (
    select
        months.settlement_month,
        categories.artist_id,
        categories.category
    from months
    inner join categories
        on
            months.catalogue is not distinct from categories.catalogue
            and months.last_day >= categories.valid_from
            and (
                categories.valid_until is null
                or months.last_day < categories.valid_until
            )
    inner join credited
        on
            categories.artist_id = credited.artist_id
            and categories.catalogue is not distinct from credited.catalogue
            and months.minimum_pool_share_bp <= credited.share_bp
            and months.minimum_live_s <= credited.duration_s
            and (
                credited.published_on is null
                or months.last_day >= credited.published_on
            )
    left join artists
        on categories.artist_id = artists.artist_id
    where
        categories.category in ('emerging', 'independent')
        and (artists.left_on is null or artists.left_on >= months.first_day)
    group by months.settlement_month, categories.artist_id, categories.category
)

select * from final
