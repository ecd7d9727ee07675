-- An artist's new viewers are those whose first month it is. Viewers include the
-- sole-artist viewers, and their whole watch time is at least their time on the artist.
-- The watch time of all artists sums to all counting watch time, except for flooring. A
-- live's retention curve never rises. Each row is a fact that does not hold.
with audience as (
    select * from {{ ref('fct_artist_audience') }}
    where {{ is_unproven_month('month', 'fct_artist_audience') }}
),

firsts as (
    select
        artist_id,
        first_month as month,
        count(*) as viewers
    from {{ ref('int_artist_watchers') }}
    where {{ is_unproven_month('first_month', 'fct_artist_audience') }}
    group by artist_id, first_month
),

retention as (
    select
        live_id,
        minute,
        started_playbacks,
        watching_playbacks,
        lag(watching_playbacks, 1, started_playbacks) over (
            partition by live_id
            order by minute
        ) as watching_before
    from {{ ref('fct_live_retention') }}
),

shared as (
    select
        month,
        sum(watch_ms) as watch_ms,
        count(*) as artists
    from audience
    group by month
),

counting as (
    select
        month,
        sum(watch_ms) as watch_ms
    from {{ ref('int_counting_live_months') }}
    where {{ is_unproven_month('month', 'fct_artist_audience') }}
    group by month
),

final as (
    select
        'new viewers' as fact,
        coalesce(audience.artist_id, firsts.artist_id) as subject_id,
        coalesce(audience.month, firsts.month) as place
    from audience
    full outer join firsts
        on
            audience.artist_id = firsts.artist_id
            and audience.month = firsts.month
    where coalesce(audience.new_viewers, 0) != coalesce(firsts.viewers, 0)
    union all
    select
        'viewers' as fact,
        artist_id as subject_id,
        month as place
    from audience
    where
        sole_artist_viewers > viewers
        or watch_ms > viewers_watch_ms
    union all
    select
        'counting watch time' as fact,
        'all artists' as subject_id,
        counting.month as place
    from counting
    left join shared
        on counting.month = shared.month
    where
        coalesce(shared.watch_ms, 0) > counting.watch_ms
        or coalesce(shared.watch_ms + shared.artists, 0) < counting.watch_ms
    union all
    select
        'retention' as fact,
        live_id as subject_id,
        cast(minute as string) as place
    from retention
    where
        watching_playbacks > watching_before
        or watching_playbacks < 1
        or (minute = 0 and watching_playbacks != started_playbacks)
)

select * from final
