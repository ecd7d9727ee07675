{#-
    The CTEs from heartbeats to `final`: one row a playback × Paris day with its watch time (RULES.md §3).
    `heartbeats` names a CTE that holds *all* heartbeats of each playback in it, in any order, redeliveries included.
-#}
{% macro watch_time(heartbeats) -%}
    {{ return(adapter.dispatch('watch_time')(heartbeats)) }}
{%- endmacro %}

{#-
    The rule as it reads. A redelivered heartbeat needs no de-duplication: it sorts next to its twin, the gap between
    them is 0, and the last of them meets the same next heartbeat as the first would have.
-#}
{% macro default__watch_time(heartbeats) -%}
followed as (
    select
        *,
        lead(event_ms) over in_order as next_event_ms,
        lead(position_ms) over in_order as next_position_ms
    from {{ heartbeats }}
    window in_order as (
        partition by playback_id, subscriber_id, live_id
        order by event_ms, sequence, state, position_ms nulls first
    )
),

credited as (
    select
        *,
        case
            when state != 'playing' or next_event_ms is null then 0
            when position_ms = next_position_ms then 0
            else least(next_event_ms - event_ms, {{ var('gap_cap_ms') }})
        end as credit_ms
    from followed
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        cast(sum(credit_ms) as bigint) as watch_ms,
        min(event_at) as first_heartbeat_at,
        max(event_at) as last_heartbeat_at,
        max(position_ms) as max_position_ms,
        min(device) as device,
        min(surface) as surface,
        max(batch_number) as batch_number
    from credited
    group by playback_id, subscriber_id, live_id, event_day
)
{%- endmacro %}
