{{ built_by_month(day='day', inputs='int_watch_months') }}
-- Grain: one row per playback and Paris day on which it overlapped a playback of the
-- same subscriber on another device: at some instant both were open, between their
-- first and last heartbeats of the day. A playback without a device overlaps none.
-- The lines below come from a loop, so their indent does not matter.
-- noqa: disable=LT02
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where
        {{ is_changed_day('event_day') }}
        and device is not null
        and first_heartbeat_at < last_heartbeat_at
),

on_several_devices as (
    select
        subscriber_id,
        event_day
    from playback_days
    group by subscriber_id, event_day
    having min(device) != max(device)
),

-- For each other device: the latest end of the playbacks that began before, and the
-- earliest start of those that began after.
surrounded as (
    select
        playback_days.*,
        {%- for device in var('devices') %}
        max(
            case
                when playback_days.device = '{{ device }}'
                    then playback_days.last_heartbeat_at
            end
        ) over earlier as {{ device }}_until,
        min(
            case
                when playback_days.device = '{{ device }}'
                    then playback_days.first_heartbeat_at
            end
        ) over later as {{ device }}_from
        {{- ',' if not loop.last }}
        {%- endfor %}
    from playback_days
    inner join on_several_devices
        on
            playback_days.subscriber_id = on_several_devices.subscriber_id
            and playback_days.event_day = on_several_devices.event_day
    window
        earlier as (
            partition by playback_days.subscriber_id, playback_days.event_day
            order by
                playback_days.first_heartbeat_at,
                playback_days.last_heartbeat_at,
                playback_days.playback_id,
                playback_days.live_id
            rows between unbounded preceding and 1 preceding
        ),
        later as (
            partition by playback_days.subscriber_id, playback_days.event_day
            order by
                playback_days.first_heartbeat_at,
                playback_days.last_heartbeat_at,
                playback_days.playback_id,
                playback_days.live_id
            rows between 1 following and unbounded following
        )
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day as day
    from surrounded
    where
        {%- for device in var('devices') %}
        {{ 'or ' if not loop.first }}(
            device != '{{ device }}'
            and (
                coalesce({{ device }}_until > first_heartbeat_at, false)
                or coalesce({{ device }}_from < last_heartbeat_at, false)
            )
        )
        {%- endfor %}
)

select * from final
