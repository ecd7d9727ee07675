-- Grain: one row per delivered heartbeat, redeliveries included (they earn nothing, see
-- int_playback_days).
with final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_at,
        {{ epoch_ms('event_at') }} as event_ms,
        event_day,
        state,
        coalesce(sequence, 0) as sequence,
        position_ms,
        device,
        surface,
        app_version,
        batch_number
    from {{ source('player', 'heartbeats') }}
)

select * from final
