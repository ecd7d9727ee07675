{#-
    The CTEs from heartbeats to `final`: one row per playback and Paris day with its watch time (RULES.md §3).
    `heartbeats` is a query that returns *all* heartbeats of each playback in it, in any order, redeliveries included.

    A redelivered heartbeat needs no de-duplication: it sorts next to its twin with a gap of 0, and the later twin is
    followed by the same next heartbeat as a single copy would be.
-#}
{% macro watch_time(heartbeats) -%}
    {{ return(adapter.dispatch('watch_time')(heartbeats)) }}
{%- endmacro %}

{#- The rule, written as defined. -#}
{% macro default__watch_time(heartbeats) -%}
followed as (
    select
        *,
        lead(event_ms) over in_order as next_event_ms,
        lead(position_ms) over in_order as next_position_ms
    from ({{ heartbeats }}
    ) as heartbeats
    window in_order as (
        partition by playback_id, subscriber_id, live_id
        order by event_ms, sequence, state, position_ms nulls first
    )
),

credited as (
    select
        *,
        {{ credit_ms('event_ms', 'position_ms', "state = 'playing'", 'next_event_ms', 'next_position_ms') }}
            as credit_ms
    from followed
),

credited_days as (
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
),

final as (
    select
        *,
        min(event_day) over playback as started_on,
        max(batch_number) over playback as playback_batch_number
    from credited_days
    window playback as (partition by playback_id, subscriber_id, live_id)
)
{%- endmacro %}

{#- The credit of a heartbeat, given the next one of its playback (RULES.md §3.3). -#}
{% macro credit_ms(event_ms, position_ms, is_playing, next_event_ms, next_position_ms) -%}
case
            when not ({{ is_playing }}) or {{ next_event_ms }} is null then 0
            when {{ position_ms }} = {{ next_position_ms }} then 0
            else least({{ next_event_ms }} - {{ event_ms }}, {{ var('gap_cap_ms') }})
        end
{%- endmacro %}

{#-
    The same rows without a window over heartbeats: one grouped scan packs each playback day into a sorted list of
    64-bit integers, and sums the credits inside the list. `make bench` compares it with the window: about five times as
    fast, with a seventh of the memory (docs/adr/0006).

    A packed heartbeat is, from the highest bit: ms since two hours before the day's midnight in UTC (27 bits; Paris is
    at most two hours ahead), whether it is playing (1), and its position (35; a missing one becomes a number that no
    other heartbeat of the day has). Sorting the integers sorts heartbeats by instant. That is the whole order unless
    two *different* heartbeats share an instant: then sequence, state and position decide. The list cannot resolve such
    a day, nor one with a position of 2³⁴ ms or more, so the rule as defined computes it. `tie_mark` is larger than any
    day's watch time, so a sum that reaches it shows that the day has such a pair. The credit over midnight is added
    between a playback's days, by lead() over few rows.

    Values that a playback day has once are read from the list where possible (its first and last instant), and a text
    of a closed list is aggregated as a number: each further aggregate touches memory for every heartbeat.
-#}
{% macro duckdb__watch_time(heartbeats) -%}
{%- set instant_bits = 36 -%}
{%- set playing_bit = 2 ** 35 -%}
{%- set missing_position = 2 ** 34 -%}
{%- set tie_mark = 2 ** 32 -%}
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
        max(position_ms) as max_position_ms,
        {{ first_option('device', var('devices')) }} as device_place,
        {{ first_option('surface', var('surfaces')) }} as surface_place,
        max(batch_number) as batch_number,
        list_sort(list(
            day_ms * {{ 2 ** instant_bits }}
            + case when state = 'playing' then {{ playing_bit }} else 0 end
            + coalesce(position_ms & {{ missing_position - 1 }}, {{ missing_position }} + day_ms)
        )) as beats
    from heartbeats
    group by playback_id, subscriber_id, live_id, event_day
),

summed_days as materialized (
    select
        * exclude (beats, device_place, surface_place),
        {{ option_at('device_place', var('devices')) }} as device,
        {{ option_at('surface_place', var('surfaces')) }} as surface,
        {{ instant_of('beats[1]', instant_bits) }} as first_heartbeat_at,
        {{ instant_of('beats[-1]', instant_bits) }} as last_heartbeat_at,
        cast(coalesce(list_sum(list_transform(
            list_zip(beats, beats[2:], true),
            lambda pair: case
                when xor(pair[1], pair[2]) < {{ 2 ** instant_bits }}
                    then case when pair[1] = pair[2] then 0 else {{ tie_mark }} end
                when pair[1] & {{ playing_bit }} = 0 then 0
                when pair[1] & {{ playing_bit - 1 }} = pair[2] & {{ playing_bit - 1 }} then 0
                else least(
                    (pair[2] >> {{ instant_bits }}) - (pair[1] >> {{ instant_bits }}),
                    {{ var('gap_cap_ms') }}
                )
            end
        )), 0) as bigint) as watch_ms,
        beats[1] & {{ playing_bit - 1 }} as first_position,
        beats[-1] & {{ playing_bit - 1 }} as last_position,
        beats[-1] & {{ playing_bit }} > 0 as is_last_playing
    from packed_days
),

undecided_days as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day
    from summed_days
    where
        watch_ms >= {{ tie_mark }}
        or max_position_ms >= {{ missing_position }}
),

followed as (
    select
        heartbeats.playback_id,
        heartbeats.subscriber_id,
        heartbeats.live_id,
        heartbeats.event_day,
        heartbeats.event_ms,
        heartbeats.position_ms,
        heartbeats.state,
        row_number() over in_order as place,
        lead(heartbeats.event_ms) over in_order as next_event_ms,
        lead(heartbeats.position_ms) over in_order as next_position_ms
    from heartbeats
    semi join undecided_days
        on
            heartbeats.playback_id = undecided_days.playback_id
            and heartbeats.subscriber_id = undecided_days.subscriber_id
            and heartbeats.live_id = undecided_days.live_id
            and heartbeats.event_day = undecided_days.event_day
    window in_order as (
        partition by
            heartbeats.playback_id, heartbeats.subscriber_id, heartbeats.live_id, heartbeats.event_day
        order by
            heartbeats.event_ms, heartbeats.sequence, heartbeats.state, heartbeats.position_ms nulls first
    )
),

decided_days as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        cast(sum(
            {{ credit_ms('event_ms', 'position_ms', "state = 'playing'", 'next_event_ms', 'next_position_ms') }}
        ) as bigint) as watch_ms,
        arg_min_null(position_ms, place) as first_position_ms,
        arg_max_null(position_ms, place) as last_position_ms,
        arg_max(state, place) = 'playing' as is_last_playing
    from followed
    group by playback_id, subscriber_id, live_id, event_day
),

days as (
    select
        summed_days.* exclude (watch_ms, first_position, last_position, is_last_playing),
        coalesce(decided_days.watch_ms, summed_days.watch_ms) as watch_ms,
        coalesce(decided_days.is_last_playing, summed_days.is_last_playing) as is_last_playing,
        case
            when decided_days.watch_ms is not null then decided_days.first_position_ms
            when summed_days.first_position < {{ missing_position }} then summed_days.first_position
        end as first_position_ms,
        case
            when decided_days.watch_ms is not null then decided_days.last_position_ms
            when summed_days.last_position < {{ missing_position }} then summed_days.last_position
        end as last_position_ms
    from summed_days
    left join decided_days
        on
            summed_days.playback_id = decided_days.playback_id
            and summed_days.subscriber_id = decided_days.subscriber_id
            and summed_days.live_id = decided_days.live_id
            and summed_days.event_day = decided_days.event_day
),

linked_days as (
    select
        *,
        lead(epoch_ms(first_heartbeat_at)) over following as next_event_ms,
        lead(first_position_ms) over following as next_position_ms,
        min(event_day) over playback as started_on,
        max(batch_number) over playback as playback_batch_number
    from days
    window
        playback as (partition by playback_id, subscriber_id, live_id),
        following as (
            partition by playback_id, subscriber_id, live_id
            order by event_day
        )
),

final as (
    select
        playback_id,
        subscriber_id,
        live_id,
        event_day,
        watch_ms
        + {{ credit_ms(
            'epoch_ms(last_heartbeat_at)', 'last_position_ms', 'is_last_playing', 'next_event_ms', 'next_position_ms'
        ) }} as watch_ms,
        first_heartbeat_at,
        last_heartbeat_at,
        max_position_ms,
        device,
        surface,
        batch_number,
        started_on,
        playback_batch_number
    from linked_days
)
{%- endmacro %}

{#-
    The smallest value of a closed list, as its position in the joined text of the list (null if there is none). The
    list is in alphabetical order and no value is part of another. For a constant and a dictionary column, DuckDB
    evaluates `strpos` once per dictionary entry.
-#}
{% macro first_option(column, options) -%}
min(strpos('{{ options | join(" ") }}', {{ column }}))
{%- endmacro %}

{#- The value at a position that `first_option` returned. -#}
{% macro option_at(place, options) -%}
{%- set text = options | join(' ') -%}
case {{ place }}
        {%- for option in options %} when {{ text.index(option) + 1 }} then '{{ option }}' {%- endfor %} end
{%- endmacro %}

{#- The instant of a packed heartbeat of `event_day`. -#}
{% macro instant_of(beat, instant_bits) -%}
make_timestamptz(
            (epoch_ms(cast(event_day as timestamp)) - 7200000 + ({{ beat }} >> {{ instant_bits }})) * 1000
        )
{%- endmacro %}
