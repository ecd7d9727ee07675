-- Grain: artist × change of category. Half are emerging, a third independent; one emerging artist in ten becomes
-- independent.
with first_categories as (
    select
        number,
        case when number % 6 < 3 then 'emerging' when number % 6 < 5 then 'independent' else 'known' end as category
    from range(1_000) as numbers(number)
),

changes as (
    select number, category, $first_day - 365 as valid_from from first_categories
    union all
    select number, 'independent' as category, $first_day + cast(hash(number, 'rises') % 360 as integer) as valid_from
    from first_categories
    where category = 'emerging' and hash(number, 'does it rise') % 10 = 0
),

final as (
    select
        artist_id(number) as artist_id,
        category,
        valid_from,
        false as is_deleted,
        strftime($first_day - 60, '%Y-%m-%dT09:00:00Z') as updated_at
    from changes
)

select * from final order by artist_id, valid_from
