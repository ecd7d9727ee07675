-- A playback earns no more than the time between its first and its last heartbeat, and
-- never less than 0 (RULES.md §3.3).
with playbacks as (
    select * from {{ ref('fct_playbacks') }}
    where {{ is_unproven_day('started_on', 'fct_playbacks') }}
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        watch_ms,
        first_heartbeat_at,
        last_heartbeat_at
    from playbacks
    where
        watch_ms < 0
        or watch_ms
        > {{ epoch_ms('last_heartbeat_at') }} - {{ epoch_ms('first_heartbeat_at') }}
)

select * from final
