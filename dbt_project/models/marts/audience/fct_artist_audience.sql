{{ built_by_month() }}
-- Grain: one row per artist and calendar month in Paris in which someone watched a live
-- that counts and credits the artist, by today's catalogue.
-- Watch time is counting watch time (int_counting_live_months).
-- Not additive: everything except `watch_ms` (floored once per artist and month). A
-- viewer of two artists counts once for each.
with counting_watch as (
    select * from {{ ref('int_counting_live_months') }}
    where {{ is_changed_month('month') }}
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

-- For viewers who came before the changed months, it is enough to know that they
-- return.
firsts as (
    select * from {{ ref('int_artist_watchers') }}
    where {{ is_changed_month('first_month') }}
),

viewer_totals as (
    select
        subscriber_id,
        month,
        sum(watch_ms) as watch_ms
    from counting_watch
    group by subscriber_id, month
),

viewers as (
    select
        credits.artist_id,
        counting_watch.month,
        counting_watch.subscriber_id,
        sum({{ wide('counting_watch.watch_ms') }} * credits.share_bp) as weight
    from counting_watch
    inner join credits
        on counting_watch.live_id = credits.live_id
    group by credits.artist_id, counting_watch.month, counting_watch.subscriber_id
),

known_viewers as (
    select
        viewers.*,
        firsts.first_month,
        count(*) over (partition by viewers.subscriber_id, viewers.month) as artists
    from viewers
    left join firsts
        on
            viewers.artist_id = firsts.artist_id
            and viewers.subscriber_id = firsts.subscriber_id
),

final as (
    select
        known_viewers.artist_id,
        known_viewers.month,
        cast(count(*) as bigint) as viewers,
        cast(
            sum(
                case
                    when known_viewers.first_month = known_viewers.month then 1 else 0
                end
            ) as bigint
        ) as new_viewers,
        cast(
            sum(
                case
                    when known_viewers.first_month = known_viewers.month then 0 else 1
                end
            ) as bigint
        ) as returning_viewers,
        {{ share_floor('sum(known_viewers.weight)', 1, 10000) }} as watch_ms,
        cast(sum(viewer_totals.watch_ms) as bigint) as viewers_watch_ms,
        cast(
            sum(case when known_viewers.artists = 1 then 1 else 0 end) as bigint
        ) as sole_artist_viewers
    from known_viewers
    inner join viewer_totals
        on
            known_viewers.subscriber_id = viewer_totals.subscriber_id
            and known_viewers.month = viewer_totals.month
    group by known_viewers.artist_id, known_viewers.month
)

select * from final
