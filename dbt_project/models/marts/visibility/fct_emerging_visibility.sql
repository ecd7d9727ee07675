{{ built_by_month(inputs='int_visibility_inputs') }}
-- Grain: one row per calendar month in Paris and category, from the first month with
-- counting watch time or money to the last. Watching is judged by the artist's category
-- on its day, money by the settlement month of the same name.
-- `watch_ms`, money and the three shares are additive over categories; viewers, lives
-- and all counts of them are not.
with watch_days as (
    select * from {{ ref('int_artist_watch_days') }}
    where {{ is_changed_month('month') }}
),

watched_lives as (
    select * from {{ ref('int_lives_watched') }}
),

online_credits as (
    select * from {{ ref('int_online_credits') }}
    where {{ is_changed_month('month') }}
),

discoveries as (
    select * from {{ ref('int_artist_discoveries') }}
    where {{ is_changed_month('month') }}
),

slices as (
    select * from {{ ref('int_category_slices') }}
),

pool_shares as (
    select * from {{ ref('int_pool_shares') }}
),

pro_rata_slices as (
    select * from {{ ref('int_pro_rata_slices') }}
),

pro_rata_pool_shares as (
    select * from {{ ref('int_pro_rata_pool_shares') }}
),

members as (
    select * from {{ ref('int_pool_members') }}
),

settlement_months as (
    select * from {{ ref('int_settlement_months') }}
),

categories as (
    select 'emerging' as category
    union all
    select 'independent' as category
    union all
    select 'known' as category
),

seen as (
    select
        {{ month_of('min(day)') }} as first_month,
        {{ month_of('max(day)') }} as last_month
    from {{ ref('int_artist_watch_days') }}
    union all
    select
        min(settlement_month) as first_month,
        max(settlement_month) as last_month
    from slices
),

bounds as (
    select
        min(first_month) as first_month,
        max(last_month) as last_month
    from seen
),

month_categories as (
    select
        settlement_months.settlement_month as month,
        categories.category
    from settlement_months
    inner join bounds
        on
            settlement_months.settlement_month >= bounds.first_month
            and settlement_months.settlement_month <= bounds.last_month
    cross join categories
    where {{ is_changed_month('settlement_months.settlement_month') }}
),

-- Money: direct slices by the category on the day of the watching, pool shares by the
-- member's category on the month's last day.
money as (
    select
        settlement_month as month,
        category,
        amount_nanos
    from slices
    where destination = 'direct'
    union all
    select
        pool_shares.settlement_month as month,
        members.category,
        pool_shares.pool_nanos as amount_nanos
    from pool_shares
    inner join members
        on
            pool_shares.settlement_month = members.settlement_month
            and pool_shares.artist_id = members.artist_id
),

pro_rata_money as (
    select
        settlement_month as month,
        category,
        amount_nanos
    from pro_rata_slices
    where destination = 'direct'
    union all
    select
        pro_rata_pool_shares.settlement_month as month,
        members.category,
        pro_rata_pool_shares.pool_nanos as amount_nanos
    from pro_rata_pool_shares
    inner join members
        on
            pro_rata_pool_shares.settlement_month = members.settlement_month
            and pro_rata_pool_shares.artist_id = members.artist_id
),

category_weights as (
    select
        month,
        category,
        sum(weight) as amount
    from watch_days
    group by month, category
),

category_money as (
    select
        month,
        category,
        cast(sum(amount_nanos) as decimal(38, 0)) as amount
    from money
    group by month, category
),

category_pro_rata as (
    select
        month,
        category,
        cast(sum(amount_nanos) as decimal(38, 0)) as amount
    from pro_rata_money
    group by month, category
),

-- Each measure is split over the categories by largest remainder: watch time to the ms,
-- the shares to the basis point.
month_weights as (
    select
        month,
        {{ share_floor('sum(amount)', 1, 10000) }} as units_to_split
    from category_weights
    group by month
),

measured as (
    select
        category_weights.month,
        category_weights.category,
        'watch_ms' as measure,
        category_weights.amount,
        month_weights.units_to_split
    from category_weights
    inner join month_weights
        on category_weights.month = month_weights.month
    union all
    select
        month,
        category,
        'watch_share_bp' as measure,
        amount,
        10000 as units_to_split
    from category_weights
    union all
    select
        month,
        category,
        'money_share_bp' as measure,
        amount,
        10000 as units_to_split
    from category_money
    union all
    select
        month,
        category,
        'pro_rata_share_bp' as measure,
        amount,
        10000 as units_to_split
    from category_pro_rata
),

weighed as (
    select
        *,
        sum(amount) over (partition by month, measure) as month_amount
    from measured
),

{{ largest_remainder(
    name='split',
    source='weighed',
    group_by='month, measure',
    factor='amount',
    share='units_to_split',
    divisor='month_amount',
    total_units='units_to_split',
    units='units',
    ties=['category'],
) }},

-- A category without any amount of a measure has a share of 0, unless no category has
-- any.
shares as (
    select
        month,
        max(case when measure = 'watch_share_bp' then 0 end) as no_watch_share_bp,
        max(case when measure = 'money_share_bp' then 0 end) as no_money_share_bp,
        max(case when measure = 'pro_rata_share_bp' then 0 end)
            as no_pro_rata_share_bp
    from split
    where units is not null
    group by month
),

category_shares as (
    select
        month,
        category,
        max(case when measure = 'watch_ms' then units end) as watch_ms,
        max(case when measure = 'watch_share_bp' then units end) as watch_share_bp,
        max(case when measure = 'money_share_bp' then units end) as money_share_bp,
        max(case when measure = 'pro_rata_share_bp' then units end)
            as pro_rata_share_bp
    from split
    group by month, category
),

month_watchers as (
    select
        month,
        cast(count(distinct subscriber_id) as bigint) as watchers
    from watch_days
    group by month
),

category_viewers as (
    select
        month,
        category,
        cast(count(distinct subscriber_id) as bigint) as viewers
    from watch_days
    group by month, category
),

category_discoveries as (
    select
        month,
        category,
        cast(count(*) as bigint) as first_discoveries,
        cast(sum(case when is_observed then 1 else 0 end) as bigint)
            as observed_discoveries,
        cast(sum(case when is_observed and is_repeated then 1 else 0 end) as bigint)
            as repeated_discoveries
    from discoveries
    group by month, category
),

-- Concentration is over the artists who are online in the category or were watched in
-- it.
artist_watch as (
    select
        month,
        category,
        artist_id,
        {{ share_floor('sum(weight)', 1, 10000) }} as watch_ms
    from watch_days
    group by month, category, artist_id
),

category_artists as (
    select
        month,
        category,
        artist_id
    from online_credits
    union
    select
        month,
        category,
        artist_id
    from artist_watch
),

ranked_artists as (
    select
        category_artists.month,
        category_artists.category,
        coalesce(artist_watch.watch_ms, 0) as watch_ms,
        row_number() over (
            partition by category_artists.month, category_artists.category
            order by coalesce(artist_watch.watch_ms, 0), category_artists.artist_id
        ) as place_from_below,
        row_number() over (
            partition by category_artists.month, category_artists.category
            order by
                coalesce(artist_watch.watch_ms, 0) desc, category_artists.artist_id desc
        ) as place_from_above
    from category_artists
    left join artist_watch
        on
            category_artists.month = artist_watch.month
            and category_artists.category = artist_watch.category
            and category_artists.artist_id = artist_watch.artist_id
),

concentration as (
    select
        month,
        category,
        cast(count(*) as bigint) as artists,
        cast(sum(case when watch_ms > 0 then 1 else 0 end) as bigint)
            as watched_artists,
        sum({{ wide('watch_ms') }}) as artists_ms,
        sum({{ wide('watch_ms') }} * place_from_below) as placed_ms,
        sum({{ wide('watch_ms') }} * {{ wide('watch_ms') }}) as squared_ms,
        sum(case when place_from_above <= 10 then {{ wide('watch_ms') }} end)
            as top10_ms
    from ranked_artists
    group by month, category
),

live_watch as (
    select
        month,
        live_id
    from watched_lives
    where watch_ms > 0
),

coverage as (
    select
        online_credits.month,
        online_credits.category,
        cast(count(distinct online_credits.live_id) as bigint) as online_lives,
        cast(count(distinct live_watch.live_id) as bigint) as watched_lives
    from online_credits
    left join live_watch
        on
            online_credits.month = live_watch.month
            and online_credits.live_id = live_watch.live_id
    group by online_credits.month, online_credits.category
),

-- The path leads from a viewer's first known artist of the month to an emerging one.
data_end as (
    select max(event_day) as last_day from {{ ref('int_playback_days') }}
),

known_viewers as (
    select
        watch_days.month,
        watch_days.subscriber_id,
        min(watch_days.day) as known_on,
        min(watch_days.first_watched_at) as known_at
    from watch_days
    where
        watch_days.category = 'known'
        and watch_days.watch_ms >= {{ var('discovery_minimum_ms') }}
    group by watch_days.month, watch_days.subscriber_id
),

led_on as (
    select
        known_viewers.month,
        known_viewers.subscriber_id
    from known_viewers
    inner join discoveries
        on
            known_viewers.subscriber_id = discoveries.subscriber_id
            and known_viewers.known_at < discoveries.discovered_at
            and {{ add_days('known_viewers.known_on', var('path_days')) }}
            >= discoveries.discovered_on
    where discoveries.category = 'emerging'
    group by known_viewers.month, known_viewers.subscriber_id
),

observed_known_viewers as (
    select
        known_viewers.month,
        led_on.subscriber_id is not null as is_led_on,
        {{ add_days('known_viewers.known_on', var('path_days')) }}
        <= data_end.last_day as is_observed
    from known_viewers
    cross join data_end
    left join led_on
        on
            known_viewers.month = led_on.month
            and known_viewers.subscriber_id = led_on.subscriber_id
),

paths as (
    select
        month,
        'emerging' as category,
        cast(count(*) as bigint) as known_viewers,
        cast(sum(case when is_observed then 1 else 0 end) as bigint)
            as observed_known_viewers,
        cast(sum(case when is_observed and is_led_on then 1 else 0 end) as bigint)
            as known_to_emerging_viewers
    from observed_known_viewers
    group by month
),

final as (
    select
        month_categories.month,
        month_categories.category,
        coalesce(category_shares.watch_ms, 0) as watch_ms,
        coalesce(category_shares.watch_share_bp, shares.no_watch_share_bp)
            as watch_share_bp,
        coalesce(cast(category_money.amount as bigint), 0) as money_nanos,
        coalesce(category_shares.money_share_bp, shares.no_money_share_bp)
            as money_share_bp,
        coalesce(cast(category_pro_rata.amount as bigint), 0) as pro_rata_nanos,
        coalesce(category_shares.pro_rata_share_bp, shares.no_pro_rata_share_bp)
            as pro_rata_share_bp,
        coalesce(month_watchers.watchers, 0) as watchers,
        coalesce(category_viewers.viewers, 0) as viewers,
        {{ share_floor(
            'coalesce(category_viewers.viewers, 0)', 10000, 'month_watchers.watchers'
        ) }} as reach_bp,
        coalesce(category_discoveries.first_discoveries, 0) as first_discoveries,
        {{ share_floor(
            'coalesce(category_discoveries.first_discoveries, 0)',
            1000,
            'month_watchers.watchers'
        ) }} as discoveries_per_1000_watchers,
        coalesce(category_discoveries.observed_discoveries, 0) as observed_discoveries,
        coalesce(category_discoveries.repeated_discoveries, 0) as repeated_discoveries,
        {{ share_floor(
            'category_discoveries.repeated_discoveries',
            10000,
            'category_discoveries.observed_discoveries'
        ) }} as repeat_bp,
        coalesce(concentration.artists, 0) as artists,
        coalesce(concentration.watched_artists, 0) as watched_artists,
        {{ share_floor(
            '2 * concentration.placed_ms'
            ~ ' - (concentration.artists + 1) * concentration.artists_ms',
            10000,
            'concentration.artists * concentration.artists_ms'
        ) }} as gini_bp,
        {{ share_floor(
            'concentration.squared_ms',
            10000,
            'concentration.artists_ms * concentration.artists_ms'
        ) }} as hhi_bp,
        {{ share_floor('concentration.top10_ms', 10000, 'concentration.artists_ms') }}
            as top10_share_bp,
        coalesce(coverage.online_lives, 0) as online_lives,
        coalesce(coverage.watched_lives, 0) as watched_lives,
        {{ share_floor('coverage.watched_lives', 10000, 'coverage.online_lives') }}
            as coverage_bp,
        case
            when month_categories.category = 'emerging'
                then coalesce(paths.known_viewers, 0)
        end as known_viewers,
        case
            when month_categories.category = 'emerging'
                then coalesce(paths.observed_known_viewers, 0)
        end as observed_known_viewers,
        case
            when month_categories.category = 'emerging'
                then coalesce(paths.known_to_emerging_viewers, 0)
        end as known_to_emerging_viewers,
        {{ share_floor(
            'paths.known_to_emerging_viewers', 10000, 'paths.observed_known_viewers'
        ) }} as known_to_emerging_bp
    from month_categories
    left join shares
        on month_categories.month = shares.month
    left join category_shares
        on
            month_categories.month = category_shares.month
            and month_categories.category = category_shares.category
    left join category_money
        on
            month_categories.month = category_money.month
            and month_categories.category = category_money.category
    left join category_pro_rata
        on
            month_categories.month = category_pro_rata.month
            and month_categories.category = category_pro_rata.category
    left join month_watchers
        on month_categories.month = month_watchers.month
    left join category_viewers
        on
            month_categories.month = category_viewers.month
            and month_categories.category = category_viewers.category
    left join category_discoveries
        on
            month_categories.month = category_discoveries.month
            and month_categories.category = category_discoveries.category
    left join concentration
        on
            month_categories.month = concentration.month
            and month_categories.category = concentration.category
    left join coverage
        on
            month_categories.month = coverage.month
            and month_categories.category = coverage.category
    left join paths
        on
            month_categories.month = paths.month
            and month_categories.category = paths.category
)

select * from final
