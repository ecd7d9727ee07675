{{ built_by_month(inputs='int_visibility_inputs') }}
-- Grain: one row per artist and calendar month in Paris in which the artist has a
-- counting live online or was watched on one.
-- Not additive: viewers and all counts of them. `watch_ms` is floored per artist.
with online_credits as (
    select * from {{ ref('int_online_credits') }}
    where {{ is_changed_month('month') }}
),

watch_days as (
    select * from {{ ref('int_artist_watch_days') }}
    where {{ is_changed_month('month') }}
),

discoveries as (
    select * from {{ ref('int_artist_discoveries') }}
    where {{ is_changed_month('month') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

months as (
    select
        settlement_month as month,
        last_day
    from {{ ref('int_settlement_months') }}
),

months_seen as (
    select
        {{ month_of('min(day)') }} as first_month,
        {{ month_of('max(day)') }} as last_month
    from {{ ref('int_artist_watch_days') }}
),

online as (
    select
        online_credits.month,
        online_credits.artist_id,
        cast(count(*) as bigint) as online_lives
    from online_credits
    cross join months_seen
    where
        online_credits.month >= months_seen.first_month
        and online_credits.month <= months_seen.last_month
    group by online_credits.month, online_credits.artist_id
),

watched as (
    select
        month,
        artist_id,
        cast(count(distinct subscriber_id) as bigint) as viewers,
        sum(weight) as weight
    from watch_days
    group by month, artist_id
),

month_totals as (
    select
        month,
        sum(weight) as month_weight
    from watch_days
    group by month
),

discovered as (
    select
        month,
        artist_id,
        cast(count(*) as bigint) as first_discoveries,
        cast(sum(case when is_observed then 1 else 0 end) as bigint)
            as observed_discoveries,
        cast(sum(case when is_observed and is_repeated then 1 else 0 end) as bigint)
            as repeated_discoveries,
        cast(sum(case when is_after_known then 1 else 0 end) as bigint)
            as from_known_viewers
    from discoveries
    group by month, artist_id
),

artist_months as (
    select
        month,
        artist_id
    from online
    union
    select
        month,
        artist_id
    from watched
),

final as (
    select
        artist_months.artist_id,
        artist_months.month,
        categories.category,
        coalesce(online.online_lives, 0) as online_lives,
        coalesce(watched.viewers, 0) as viewers,
        coalesce({{ share_floor('watched.weight', 1, 10000) }}, 0) as watch_ms,
        coalesce(
            {{ share_floor('watched.weight', 10000, 'month_totals.month_weight') }}, 0
        ) as watch_share_bp,
        coalesce(discovered.first_discoveries, 0) as first_discoveries,
        coalesce(discovered.observed_discoveries, 0) as observed_discoveries,
        coalesce(discovered.repeated_discoveries, 0) as repeated_discoveries,
        coalesce(discovered.from_known_viewers, 0) as from_known_viewers
    from artist_months
    inner join months
        on artist_months.month = months.month
    left join categories
        on
            artist_months.artist_id = categories.artist_id
            and {{ stands_on('categories', 'months.last_day') }}
    left join online
        on
            artist_months.month = online.month
            and artist_months.artist_id = online.artist_id
    left join watched
        on
            artist_months.month = watched.month
            and artist_months.artist_id = watched.artist_id
    left join month_totals
        on artist_months.month = month_totals.month
    left join discovered
        on
            artist_months.month = discovered.month
            and artist_months.artist_id = discovered.artist_id
)

select * from final
