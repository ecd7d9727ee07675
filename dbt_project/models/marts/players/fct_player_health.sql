{{ built_by_month(day='day', inputs='int_player_inputs') }}
-- Grain: one row per Paris day, device and app version that sent a heartbeat on the
-- day, or whose delivery was loaded on it. A device or version that was not delivered
-- is ''.
-- Counts of heartbeats, playbacks and time are additive. Counts of people (`watchers`,
-- `*_watchers`) are not.
-- Odd rule: `delivered_heartbeats` and `rejects` belong to the day of the load
-- (int_player_deliveries), all other columns to the day of the heartbeats.
-- The lines below come from a loop, so their indent does not matter.
-- noqa: disable=LT02
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

player_days as (
    select * from {{ ref('int_player_days') }}
    where {{ is_changed_day('event_day') }}
),

unsubscribed_days as (
    select * from {{ ref('int_days_unsubscribed') }}
    where {{ is_changed_day('day') }}
),

playbacks_overlapped as (
    select * from {{ ref('int_playbacks_overlapped') }}
    where {{ is_changed_day('day') }}
),

deliveries as (
    select * from {{ ref('int_player_deliveries') }}
    where {{ is_changed_day('day') }}
),

described as (
    select
        player_days.*,
        playback_days.watch_ms,
        playback_days.started_on = player_days.event_day as is_start,
        case
            when unsubscribed_days.subscriber_id is not null then playback_days.watch_ms
            else 0
        end as unsubscribed_ms,
        playbacks_overlapped.playback_id is not null as is_beside
    from player_days
    inner join playback_days
        on
            player_days.playback_id = playback_days.playback_id
            and player_days.subscriber_id = playback_days.subscriber_id
            and player_days.live_id = playback_days.live_id
            and player_days.event_day = playback_days.event_day
    left join unsubscribed_days
        on
            player_days.subscriber_id = unsubscribed_days.subscriber_id
            and player_days.event_day = unsubscribed_days.day
    left join playbacks_overlapped
        on
            player_days.playback_id = playbacks_overlapped.playback_id
            and player_days.subscriber_id = playbacks_overlapped.subscriber_id
            and player_days.live_id = playbacks_overlapped.live_id
            and player_days.event_day = playbacks_overlapped.day
),

-- Playbacks with one heartbeat on the first day and none on a later one.
single_heartbeats as (
    select
        first_days.event_day as day,
        coalesce(first_days.device, '') as device,
        first_days.app_version,
        cast(count(*) as bigint) as playbacks
    from described as first_days
    where
        first_days.heartbeats = 1
        and first_days.is_start
        and not exists (
            select 1
            from playback_days
            where
                playback_days.playback_id = first_days.playback_id
                and playback_days.subscriber_id = first_days.subscriber_id
                and playback_days.live_id = first_days.live_id
                and playback_days.event_day > first_days.event_day
        )
    group by
        first_days.event_day, coalesce(first_days.device, ''), first_days.app_version
),

played as (
    select
        event_day as day,
        coalesce(device, '') as device,
        app_version,
        count(*) as playbacks,
        sum(case when is_start then 1 else 0 end) as started_playbacks,
        sum(heartbeats) as heartbeats,
        sum(playing_heartbeats) as playing_heartbeats,
        sum(unpositioned_heartbeats) as unpositioned_heartbeats,
        sum(tied_heartbeats) as tied_heartbeats,
        sum(frozen_heartbeats) as frozen_heartbeats,
        sum(frozen_ms) as frozen_ms,
        sum(sparse_heartbeats) as sparse_heartbeats,
        sum(uncounted_ms) as uncounted_ms,
        sum(outrunning_heartbeats) as outrunning_heartbeats,
        sum(watch_ms) as watch_ms,
        sum(unsubscribed_ms) as unsubscribed_ms,
        count(distinct subscriber_id) as watchers,
        count(distinct case when unsubscribed_ms > 0 then subscriber_id end)
            as unsubscribed_watchers,
        count(distinct case when is_beside then subscriber_id end)
            as two_device_watchers
    from described
    group by event_day, coalesce(device, ''), app_version
),

keys as (
    select day, device, app_version from played
    union distinct
    select day, device, app_version from deliveries
),

final as (
    select
        keys.day,
        keys.device,
        keys.app_version,
        {%- for column in [
            'playbacks',
            'started_playbacks',
            'heartbeats',
            'playing_heartbeats',
            'unpositioned_heartbeats',
            'tied_heartbeats',
            'frozen_heartbeats',
            'frozen_ms',
            'sparse_heartbeats',
            'uncounted_ms',
            'outrunning_heartbeats',
            'watch_ms',
            'unsubscribed_ms',
            'watchers',
            'unsubscribed_watchers',
            'two_device_watchers',
        ] %}
        cast(coalesce(played.{{ column }}, 0) as bigint) as {{ column }},
        {%- endfor %}
        coalesce(single_heartbeats.playbacks, 0) as single_heartbeat_playbacks,
        coalesce(deliveries.delivered_heartbeats, 0) as delivered_heartbeats,
        coalesce(deliveries.rejects, 0) as rejects
    from keys
    left join played
        on
            keys.day = played.day
            and keys.device = played.device
            and keys.app_version = played.app_version
    left join single_heartbeats
        on
            keys.day = single_heartbeats.day
            and keys.device = single_heartbeats.device
            and keys.app_version = single_heartbeats.app_version
    left join deliveries
        on
            keys.day = deliveries.day
            and keys.device = deliveries.device
            and keys.app_version = deliveries.app_version
)

select * from final
