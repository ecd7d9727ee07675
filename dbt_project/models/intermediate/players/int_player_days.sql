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
-- with a heartbeat, with what its heartbeats show about the player that sent them. All
-- counts are additive.
-- It is separate from int_playback_days because nothing here is money, and watch time
-- does not wait for it (docs/adr/0027).
-- Odd rule: a heartbeat is judged by the next one of the same day, so the unit of an
-- incremental run is the playback's day.
-- The blocks below are rendered inside macros, so their indent does not matter:
-- noqa: disable=LT02
{%- set days = days_to_read(this) %}
{%- set changed_days %}
            select
                playback_id,
                subscriber_id,
                live_id,
                event_day
            from {{ ref('stg_player__heartbeats') }}
            where batch_number > {{ watermark(this) }}
            group by playback_id, subscriber_id, live_id, event_day
{%- endset %}
{%- set heartbeats %}
        select heartbeats.*
        from {{ ref('stg_player__heartbeats') }} as heartbeats
        {%- if is_portion() %}
        where {{ is_in_portion('heartbeats.playback_id') }}
        {%- elif is_incremental() %}
        inner join ({{ changed_days }}
        ) as changed_days
            on
                heartbeats.playback_id = changed_days.playback_id
                and heartbeats.subscriber_id = changed_days.subscriber_id
                and heartbeats.live_id = changed_days.live_id
                and heartbeats.event_day = changed_days.event_day
        where heartbeats.event_day in ({{ days }})
        {%- endif %}
{%- endset %}
with {{ player_days(heartbeats) }}

{{ rewritten_rows(
    key=['playback_id', 'subscriber_id', 'live_id', 'event_day'],
    changed=changed_days,
    partition='event_day',
    partitions=days,
) }}
