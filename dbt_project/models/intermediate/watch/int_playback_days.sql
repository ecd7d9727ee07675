{{
    config(
        materialized='incremental',
        incremental_strategy=rewrite_by_key(),
        unique_key=['playback_id', 'subscriber_id', 'live_id', 'event_day'],
        partition_by='event_day',
        on_schema_change='fail',
    )
}}
-- Grain: one row per playback (`playback_id`, `subscriber_id`, `live_id`) and Paris day
-- with a heartbeat. `watch_ms` is additive over days and playbacks; `batch_number` is
-- the newest batch that brought a heartbeat of that day.
-- Odd rule: the credit of a day's last heartbeat ends at the playback's next heartbeat,
-- which can be days later (RULES.md §3.4). So the unit of an incremental run is the
-- playback with all its days, never a single day: new rows replace the rows of the same
-- days. A history too long for one statement's memory is built in portions of
-- playbacks, one run per portion (orchestration/warehouse/).
-- The blocks below are rendered inside macros, so their indent does not matter:
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
