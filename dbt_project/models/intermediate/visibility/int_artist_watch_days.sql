{{ built_by_month(day='day') }}
-- Grain: one row per subscriber, artist and Paris day on which the subscriber watched a
-- live that counts and credits the artist, with the artist's category on that day
-- (RULES.md §4), by today's catalogue and the policy of the day's month.
-- `weight` (ms × bp) is additive. `watch_ms` is the whole time on such lives, whatever
-- the share, and not additive over artists: of two artists on one stage both were seen.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

months as (
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

daily_watch as (
    select
        subscriber_id,
        live_id,
        event_day as day,
        cast(sum(watch_ms) as bigint) as watch_ms,
        min(first_heartbeat_at) as first_watched_at
    from playback_days
    where watch_ms > 0
    group by subscriber_id, live_id, event_day
),

counting as (
    select
        daily_watch.subscriber_id,
        daily_watch.live_id,
        daily_watch.day,
        months.settlement_month as month,
        daily_watch.watch_ms,
        daily_watch.first_watched_at
    from daily_watch
    inner join lives
        on daily_watch.live_id = lives.live_id
    inner join months
        on
            daily_watch.day >= months.first_day
            and daily_watch.day <= months.last_day
            and {{ counts('lives', 'months') }}
),

final as (
    select
        counting.subscriber_id,
        credits.artist_id,
        counting.day,
        counting.month,
        categories.category,
        min(counting.first_watched_at) as first_watched_at,
        cast(sum(counting.watch_ms) as bigint) as watch_ms,
        cast(
            sum({{ wide('counting.watch_ms') }} * credits.share_bp) as decimal(38, 0)
        ) as weight
    from counting
    inner join credit_sets
        on
            counting.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
            and credit_sets.is_valid
    inner join credits
        on counting.live_id = credits.live_id
    inner join categories
        on
            credits.artist_id = categories.artist_id
            and {{ stands_on('categories', 'counting.day') }}
    group by
        counting.subscriber_id,
        credits.artist_id,
        counting.day,
        counting.month,
        categories.category
)

select * from final
