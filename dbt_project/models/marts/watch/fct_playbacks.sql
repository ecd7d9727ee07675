{{ built_by_month(day='started_on') }}
-- Grain: one row per playback. `watch_ms` is additive. `completion_bp` is not: it is
-- the furthest position divided by the live's duration.
with playbacks as (
    select * from {{ ref('int_playbacks_sessionized') }}
    where {{ is_changed_day('started_on') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

final as (
    select
        playbacks.playback_id,
        playbacks.subscriber_id,
        playbacks.live_id,
        playbacks.session_started_at,
        playbacks.started_on,
        playbacks.first_heartbeat_at,
        playbacks.last_heartbeat_at,
        playbacks.watch_ms,
        playbacks.max_position_ms,
        case
            when playbacks.max_position_ms is not null and lives.duration_s > 0
                then
                    least(
                        {{ share_floor(
                            'playbacks.max_position_ms', 10000, 'lives.duration_s * 1000'
                        ) }},
                        10000
                    )
        end as completion_bp,
        playbacks.device,
        playbacks.surface
    from playbacks
    left join lives
        on playbacks.live_id = lives.live_id
)

select * from final
