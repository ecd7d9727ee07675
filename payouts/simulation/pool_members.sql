-- Grain: member of the month's pool (RULES.md §5.4). As int_pool_members has it, under
-- another policy.
select categories.artist_id
from intermediate.int_catalogue_categories as categories
inner join intermediate.int_catalogue_credits as credits
    on
        categories.artist_id = credits.artist_id
        and categories.catalogue is not distinct from credits.catalogue
inner join intermediate.int_credit_sets as credit_sets
    on
        credits.live_id = credit_sets.live_id
        and credits.catalogue is not distinct from credit_sets.catalogue
inner join intermediate.int_catalogue_lives as lives
    on
        credits.live_id = lives.live_id
        and credits.catalogue is not distinct from lives.catalogue
left join staging.stg_catalogue__artists as artists
    on categories.artist_id = artists.artist_id
where
    categories.catalogue is not distinct from $catalogue
    and categories.category in ('emerging', 'independent')
    and categories.valid_from <= $last_day
    and (categories.valid_until is null or categories.valid_until > $last_day)
    and credits.share_bp >= $minimum_pool_share_bp
    and credit_sets.is_valid
    and lives.kind = 'live'
    and lives.exclusive
    and lives.duration_s >= $minimum_live_s
    and (lives.published_on is null or lives.published_on <= $last_day)
    and (artists.left_on is null or artists.left_on >= $first_day)
group by categories.artist_id
order by categories.artist_id
