{{ built_by_month(
    day='started_on',
    unique_key=['subscriber_id', 'session_number'],
) }}
-- Grain: viewing session: a run of one subscriber's playbacks with less than 30 min
-- between the end of what came before and the next first heartbeat (RULES.md §2).
-- `lives` and `artists` are distinct counts: not additive.
with all_playbacks as (
    select * from {{ ref('int_playbacks_in_sessions') }}
),

changed_sessions as (
    select
        subscriber_id,
        session_number
    from all_playbacks
    where {{ is_changed_day('started_on') }}
    group by subscriber_id, session_number
),

-- A session that goes on in the first changed month is counted again as a whole.
playbacks as (
    select all_playbacks.*
    from all_playbacks
    inner join changed_sessions
        on
            all_playbacks.subscriber_id = changed_sessions.subscriber_id
            and all_playbacks.session_number = changed_sessions.session_number
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
