{#-
    The CTEs from heartbeats to `final`: one row per playback and Paris day, with the signs of its player
    (docs/adr/0027). `heartbeats` is a query that returns all heartbeats of each playback and day in it, in any order,
    redeliveries included.

    No money depends on these counts, so their order is simpler than that of watch time (RULES.md §3.2): by instant,
    then playing last, then by position with a missing one last. Heartbeats that are equal in all three count once. Each
    heartbeat is judged by the next one of its playback on the same day. A sorted list gives that order without a second
    look at any heartbeat.
-#}
{% macro player_days(heartbeats) -%}
    {{ return(adapter.dispatch('player_days')(heartbeats)) }}
{%- endmacro %}

{#- Positions of 2³⁴ ms (199 days) or more wrap around to 0: a packed heartbeat has no more bits. -#}
{% macro highest_position() -%} {{ return(2 ** 34 - 1) }} {%- endmacro %}

{#- Playing, with the same position at the next heartbeat: rightly worth nothing (RULES.md §3.3). -#}
{% macro is_frozen(gap_ms, has_moved) -%}
    ({{ gap_ms }} > 0 and not ({{ has_moved }}))
{%- endmacro %}

{#- Playing, and the next heartbeat came later than a heartbeat can earn, but too early to be a sleep. -#}
{% macro is_sparse(gap_ms, has_moved) -%}
    ({{ gap_ms }} > {{ var('gap_cap_ms') }} and {{ gap_ms }} <= {{ var('longest_beat_ms') }} and ({{ has_moved }}))
{%- endmacro %}

{#- Playing, and the position advanced further than a player at its fastest speed can take it. -#}
{% macro is_outrunning(gap_ms, advance_ms) -%}
    (
        {{ gap_ms }} > 0
        and {{ advance_ms }} > {{ gap_ms }} * {{ var('fastest_speed') }} + {{ var('position_tolerance_ms') }}
    )
{%- endmacro %}

{#- The signs, written as defined. -#}
{% macro default__player_days(heartbeats) -%}
beats as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        event_ms,
        sequence,
        position_ms & {{ highest_position() }} as position_ms,
        case when state = 'playing' then 1 else 0 end as playing,
        device,
        app_version,
        batch_number
    from ({{ heartbeats }}
    ) as heartbeats
),

followed as (
    select
        *,
        lead(event_ms) over in_order as next_event_ms,
        lead(position_ms) over in_order as next_position_ms,
        lead(playing) over in_order as next_playing
    from beats
    window in_order as (
        partition by playback_id, subscriber_id, live_id, event_day
        order by event_ms, playing, position_ms nulls last
    )
),

judged as (
    select
        *,
        next_event_ms - event_ms as gap_ms,
        coalesce(
            event_ms = next_event_ms
            and playing = next_playing
            and position_ms is not distinct from next_position_ms,
            false
        ) as is_repeated,
        coalesce(position_ms != next_position_ms, true) as has_moved,
        next_position_ms - position_ms as advance_ms
    from followed
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        min(device) as device,
        coalesce(min(app_version), '') as app_version,
        cast(sum(case when not is_repeated then 1 else 0 end) as bigint) as heartbeats,
        cast(sum(case when not is_repeated then playing else 0 end) as bigint) as playing_heartbeats,
        cast(sum(case when not is_repeated and position_ms is null then playing else 0 end) as bigint)
            as unpositioned_heartbeats,
        cast(
            case
                when max(sequence) > 0 then 0
                else sum(case when gap_ms = 0 and not is_repeated then 1 else 0 end)
            end as bigint
        ) as tied_heartbeats,
        cast(sum(case when {{ is_frozen('gap_ms', 'has_moved') }} then playing else 0 end) as bigint)
            as frozen_heartbeats,
        cast(
            sum(
                case
                    when playing = 1 and {{ is_frozen('gap_ms', 'has_moved') }}
                        then least(gap_ms, {{ var('gap_cap_ms') }})
                    else 0
                end
            ) as bigint
        ) as frozen_ms,
        cast(sum(case when {{ is_sparse('gap_ms', 'has_moved') }} then playing else 0 end) as bigint)
            as sparse_heartbeats,
        cast(
            sum(
                case
                    when playing = 1 and {{ is_sparse('gap_ms', 'has_moved') }}
                        then gap_ms - {{ var('gap_cap_ms') }}
                    else 0
                end
            ) as bigint
        ) as uncounted_ms,
        cast(sum(case when {{ is_outrunning('gap_ms', 'advance_ms') }} then playing else 0 end) as bigint)
            as outrunning_heartbeats,
        max(batch_number) as batch_number
    from judged
    group by playback_id, subscriber_id, live_id, event_day
)
{%- endmacro %}

{#-
    The same rows from sorted lists of packed heartbeats, as for watch time (macros/engine/watch_time.sql explains the
    packing). One pass over neighbouring pairs keeps those that show a sign, which are few. All figures except the plain
    counts come from these pairs.
-#}
{% macro duckdb__player_days(heartbeats) -%}
{%- set instant_bits = 36 -%}
{%- set playing_bit = 2 ** 35 -%}
{%- set missing_position = 2 ** 34 -%}
{%- set gap_ms = '((pair[2] >> ' ~ instant_bits ~ ') - (pair[1] >> ' ~ instant_bits ~ '))' -%}
{%- set has_moved = 'pair[1] & ' ~ (playing_bit - 1) ~ ' != pair[2] & ' ~ (playing_bit - 1) -%}
{%- set have_positions = '(pair[1] | pair[2]) & ' ~ missing_position ~ ' = 0' -%}
{%- set advance_ms -%}
((pair[2] & {{ highest_position() }}) - (pair[1] & {{ highest_position() }}))
{%- endset -%}
{%- set is_playing = 'pair[1] & ' ~ playing_bit ~ ' > 0' -%}
heartbeats as not materialized (
    select
        *,
        event_ms - (epoch_ms(cast(event_day as timestamp)) - 7200000) as day_ms
    from ({{ heartbeats }}
    ) as heartbeats
),

packed_days as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        {{ first_option('device', var('devices')) }} as device_place,
        coalesce(min(app_version), '') as app_version,
        max(batch_number) as batch_number,
        max(sequence) as max_sequence,
        list_sort(list(
            day_ms * {{ 2 ** instant_bits }}
            + case when state = 'playing' then {{ playing_bit }} else 0 end
            + coalesce(position_ms & {{ highest_position() }}, {{ missing_position }} + day_ms)
        )) as beats
    from heartbeats
    group by playback_id, subscriber_id, live_id, event_day
),

odd_days as (
    select
        * exclude (beats, device_place),
        {{ option_at('device_place', var('devices')) }} as device,
        len(beats) as delivered,
        len(list_filter(beats, lambda beat: beat & {{ playing_bit }} > 0)) as delivered_playing,
        len(list_filter(
            beats, lambda beat: beat & {{ playing_bit + missing_position }} = {{ playing_bit + missing_position }}
        )) as delivered_unpositioned,
        list_filter(
            list_zip(beats, beats[2:], true),
            lambda pair:
                {{ gap_ms }} = 0
                or {{ is_playing }}
                and (
                    {{ gap_ms }} > {{ var('gap_cap_ms') }}
                    or not ({{ has_moved }})
                    or {{ have_positions }} and {{ is_outrunning(gap_ms, advance_ms) }}
                )
        ) as odd_pairs
    from packed_days
),

counted_days as (
    select
        * exclude (odd_pairs),
        list_filter(odd_pairs, lambda pair: pair[1] = pair[2]) as repeated,
        len(list_filter(odd_pairs, lambda pair: {{ gap_ms }} = 0 and pair[1] != pair[2])) as ties,
        list_filter(odd_pairs, lambda pair: {{ is_playing }} and {{ is_frozen(gap_ms, has_moved) }}) as frozen,
        list_filter(odd_pairs, lambda pair: {{ is_playing }} and {{ is_sparse(gap_ms, has_moved) }}) as sparse,
        len(list_filter(
            odd_pairs,
            lambda pair: {{ is_playing }} and {{ have_positions }} and {{ is_outrunning(gap_ms, advance_ms) }}
        )) as outrunning
    from odd_days
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        device,
        app_version,
        cast(delivered - len(repeated) as bigint) as heartbeats,
        cast(
            delivered_playing - len(list_filter(repeated, lambda pair: {{ is_playing }})) as bigint
        ) as playing_heartbeats,
        cast(
            delivered_unpositioned - len(list_filter(
                repeated, lambda pair: {{ is_playing }} and pair[1] & {{ missing_position }} > 0
            )) as bigint
        ) as unpositioned_heartbeats,
        cast(case when max_sequence > 0 then 0 else ties end as bigint) as tied_heartbeats,
        cast(len(frozen) as bigint) as frozen_heartbeats,
        cast(coalesce(list_sum(list_transform(
            frozen, lambda pair: least({{ gap_ms }}, {{ var('gap_cap_ms') }})
        )), 0) as bigint) as frozen_ms,
        cast(len(sparse) as bigint) as sparse_heartbeats,
        cast(coalesce(list_sum(list_transform(
            sparse, lambda pair: {{ gap_ms }} - {{ var('gap_cap_ms') }}
        )), 0) as bigint) as uncounted_ms,
        cast(outrunning as bigint) as outrunning_heartbeats,
        batch_number
    from counted_days
)
{%- endmacro %}
