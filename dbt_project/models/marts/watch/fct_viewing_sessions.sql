{{ built_by_month(
    day='started_on',
    unique_key=['subscriber_id', 'started_at', 'started_on'],
) }}
-- Grain: one row per viewing session: a run of one subscriber's playbacks with less
-- than 30 min between the end of everything before and the next first heartbeat
-- (RULES.md §2). Subscriber and first heartbeat identify a session.
-- `lives` and `artists` are distinct counts: not additive.
with changed_playbacks as (
    select * from {{ ref('int_playbacks_sessionized') }}
    where {{ is_changed_day('started_on') }}
),

-- A session that continues into the first changed month is counted again as a whole,
-- from the day on which it started.
continued_sessions as (
    select
        subscriber_id,
        session_started_at
    from changed_playbacks
    group by subscriber_id, session_started_at
    having min(first_heartbeat_at) > session_started_at
),

playbacks as (
    select
        subscriber_id,
        session_started_at,
        live_id,
        started_on,
        last_heartbeat_at,
        watch_ms
    from changed_playbacks
    union all
    select
        earlier.subscriber_id,
        earlier.session_started_at,
        earlier.live_id,
        earlier.started_on,
        earlier.last_heartbeat_at,
        earlier.watch_ms
    from {{ ref('int_playbacks_sessionized') }} as earlier
    inner join continued_sessions
        on
            earlier.subscriber_id = continued_sessions.subscriber_id
            and earlier.session_started_at = continued_sessions.session_started_at
    where not ({{ is_changed_day('earlier.started_on') }})
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

sessions as (
    select
        subscriber_id,
        session_started_at as started_at,
        min(started_on) as started_on,
        max(last_heartbeat_at) as ended_at,
        cast(sum(watch_ms) as bigint) as watch_ms,
        cast(count(*) as bigint) as playbacks,
        cast(count(distinct live_id) as bigint) as lives
    from playbacks
    group by subscriber_id, session_started_at
),

session_artists as (
    select
        playbacks.subscriber_id,
        playbacks.session_started_at,
        cast(count(distinct credits.artist_id) as bigint) as artists
    from playbacks
    inner join credits
        on playbacks.live_id = credits.live_id
    group by playbacks.subscriber_id, playbacks.session_started_at
),

final as (
    select
        sessions.subscriber_id,
        sessions.started_at,
        sessions.started_on,
        sessions.ended_at,
        sessions.watch_ms,
        sessions.playbacks,
        sessions.lives,
        coalesce(session_artists.artists, 0) as artists
    from sessions
    left join session_artists
        on
            sessions.subscriber_id = session_artists.subscriber_id
            and sessions.started_at = session_artists.session_started_at
)

select * from final
