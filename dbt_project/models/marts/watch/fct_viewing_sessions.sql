{{ built_by_month(
    day='started_on',
    unique_key=['subscriber_id', 'session_number', 'started_on'],
) }}
-- Grain: viewing session: a run of one subscriber's playbacks with less than 30 min
-- between the end of what came before and the next first heartbeat (RULES.md §2).
-- `lives` and `artists` are distinct counts: not additive.
with changed_playbacks as (
    select * from {{ ref('int_playbacks_in_sessions') }}
    where {{ is_changed_day('started_on') }}
),

-- A session that goes on in the first changed month is counted again as a whole, from
-- the day on which it started.
continued_sessions as (
    select
        subscriber_id,
        session_number
    from changed_playbacks
    group by subscriber_id, session_number
    having max(case when is_session_start then 1 else 0 end) = 0
),

playbacks as (
    select
        subscriber_id,
        session_number,
        live_id,
        started_on,
        first_heartbeat_at,
        last_heartbeat_at,
        watch_ms
    from changed_playbacks
    union all
    select
        earlier.subscriber_id,
        earlier.session_number,
        earlier.live_id,
        earlier.started_on,
        earlier.first_heartbeat_at,
        earlier.last_heartbeat_at,
        earlier.watch_ms
    from {{ ref('int_playbacks_in_sessions') }} as earlier
    inner join continued_sessions
        on
            earlier.subscriber_id = continued_sessions.subscriber_id
            and earlier.session_number = continued_sessions.session_number
    where not ({{ is_changed_day('earlier.started_on') }})
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

sessions as (
    select
        subscriber_id,
        session_number,
        min(started_on) as started_on,
        min(first_heartbeat_at) as started_at,
        max(last_heartbeat_at) as ended_at,
        cast(sum(watch_ms) as bigint) as watch_ms,
        cast(count(*) as bigint) as playbacks,
        cast(count(distinct live_id) as bigint) as lives
    from playbacks
    group by subscriber_id, session_number
),

session_artists as (
    select
        playbacks.subscriber_id,
        playbacks.session_number,
        cast(count(distinct credits.artist_id) as bigint) as artists
    from playbacks
    inner join credits
        on playbacks.live_id = credits.live_id
    group by playbacks.subscriber_id, playbacks.session_number
),

final as (
    select
        sessions.subscriber_id,
        sessions.session_number,
        sessions.started_on,
        sessions.started_at,
        sessions.ended_at,
        sessions.watch_ms,
        sessions.playbacks,
        sessions.lives,
        coalesce(session_artists.artists, 0) as artists
    from sessions
    left join session_artists
        on
            sessions.subscriber_id = session_artists.subscriber_id
            and sessions.session_number = session_artists.session_number
)

select * from final
