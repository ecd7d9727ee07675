{#-
    The newest batch that a model has seen, read from its own rows. So a crash between two models cannot make the second
    one skip a batch. A held batch gets a new number when it is released, so it is not skipped either.
-#}
{% macro watermark(model) -%}
    {%- if execute and is_incremental() -%}
        {{ run_query('select coalesce(max(batch_number), -1) from ' ~ model).columns[0].values()[0] }}
    {%- else -%}
        -1
    {%- endif -%}
{%- endmacro %}

{#-
    The Paris days touched by playbacks with new heartbeats, as a list of date literals, so that an engine reads only
    these partitions: the days of the new heartbeats, and the days that the model already has for those playbacks.

    Playbacks are matched by `playback_id` alone: one text to compare with every row of the history. That can add days,
    which costs time and changes nothing. If it gives more than 40 days, as when a player sends the same id for every
    playback, the match is repeated with the whole key.
-#}
{% macro days_to_read(model) -%}
    {%- if not (execute and is_incremental()) -%}{{ return('') }}{%- endif -%}
    {%- set days = touched_days(model, ['playback_id']) -%}
    {%- if days | length > 40 -%}
        {%- set days = touched_days(model, ['playback_id', 'subscriber_id', 'live_id']) -%}
    {%- endif -%}
    {%- set literals = [] -%}
    {%- for day in days -%}{%- do literals.append("date '" ~ day ~ "'") -%}{%- endfor -%}
    {{ return(literals | join(', ') if literals else 'null') }}
{%- endmacro %}

{#- The days of new heartbeats, and of the model's rows that share this key with one. -#}
{% macro touched_days(model, key) -%}
    {%- set days_query -%}
        with new_heartbeats as (
            select
                {{ key | join(', ') }},
                event_day
            from {{ ref('stg_player__heartbeats') }}
            where batch_number > {{ watermark(model) }}
            group by {{ key | join(', ') }}, event_day
        ),

        touched as (
            select event_day from new_heartbeats
            union
            select known.event_day
            from {{ model }} as known
            inner join new_heartbeats
                on {% for column in key -%}
                    known.{{ column }} = new_heartbeats.{{ column }}{{ ' and ' if not loop.last }}
                {%- endfor %}
        )

        select event_day from touched order by event_day
    {%- endset -%}
    {{ return(run_query(days_query).columns[0].values()) }}
{%- endmacro %}
