{{
    config(
        materialized='incremental',
        incremental_strategy=rewrite_by_key(),
        unique_key=['playback_id', 'subscriber_id', 'live_id', 'event_day'],
        partition_by='event_day',
        on_schema_change='fail',
    )
}}
-- Grain: playback (`playback_id`, `subscriber_id`, `live_id`) × Paris day with a
-- heartbeat. `watch_ms` adds up over days and playbacks; `batch_number` is the newest
-- batch that brought a heartbeat of that day.
-- Odd rule: the credit of a day's last heartbeat ends at the playback's next heartbeat,
-- which may lie days later (RULES.md §3.4). So the unit of an incremental run is the
-- playback with all its days, never a day: each row that it has gives way to one of the
-- same day. A history too long for one statement's memory is built by portions of
-- playbacks, a run each (orchestration/warehouse.py).
-- The blocks below stand inside macros once rendered; their indent means nothing:
-- noqa: disable=LT02
{%- set days = days_to_read(this) %}
{%- set changed_playbacks %}
            select
                playback_id,
                subscriber_id,
                live_id
            from {{ ref('stg_player__heartbeats') }}
            where batch_number > {{ watermark(this) }}
            group by playback_id, subscriber_id, live_id
{%- endset %}
{%- set heartbeats %}
        select heartbeats.*
        from {{ ref('stg_player__heartbeats') }} as heartbeats
        {%- if is_portion() %}
        where {{ is_in_portion('heartbeats.playback_id') }}
        {%- elif is_incremental() %}
        inner join ({{ changed_playbacks }}
        ) as changed_playbacks
            on
                heartbeats.playback_id = changed_playbacks.playback_id
                and heartbeats.subscriber_id = changed_playbacks.subscriber_id
                and heartbeats.live_id = changed_playbacks.live_id
        where heartbeats.event_day in ({{ days }})
        {%- endif %}
{%- endset %}
with {{ watch_time(heartbeats) }}

{{ rewritten_rows(
    key=['playback_id', 'subscriber_id', 'live_id'],
    changed=changed_playbacks,
    partition='event_day',
    partitions=days,
) }}
