{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settlement month and artist credited on a live that was watched in
-- a period that the month settles. `days_without_category` counts the days on which one
-- of these lives was watched and the artist had no category, by the catalogue that
-- applies to the month.
with settled_days as (
    select * from {{ ref('int_live_days_settled') }}
    where {{ is_changed_month('settlement_month') }}
),

credits as (
    select * from {{ ref('int_catalogue_credits') }}
),

categories as (
    select * from {{ ref('int_catalogue_categories') }}
),

artist_days as (
    select
        settled_days.settlement_month,
        settled_days.catalogue,
        credits.artist_id,
        settled_days.event_day
    from settled_days
    inner join credits
        on
            settled_days.live_id = credits.live_id
            and settled_days.catalogue is not distinct from credits.catalogue
    group by
        settled_days.settlement_month,
        settled_days.catalogue,
        credits.artist_id,
        settled_days.event_day
),

final as (
    select
        artist_days.settlement_month,
        artist_days.artist_id,
        cast(
            sum(case when categories.artist_id is null then 1 else 0 end) as bigint
        ) as days_without_category
    from artist_days
    left join categories
        on
            artist_days.artist_id = categories.artist_id
            and artist_days.catalogue is not distinct from categories.catalogue
            and {{ stands_between(
                'categories', 'artist_days.event_day', 'artist_days.event_day'
            ) }}
    group by artist_days.settlement_month, artist_days.artist_id
)

select * from final
