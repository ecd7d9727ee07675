{#-
    The newest batch that a model has seen, from its own rows: a crash between two models cannot make the second
    skip a batch, and a batch that was held gets a new number when it is released, so none is passed over.
-#}
{% macro watermark(model) -%}
    {%- if execute and is_incremental() -%}
        {{ run_query('select coalesce(max(batch_number), -1) from ' ~ model).columns[0].values()[0] }}
    {%- else -%}
        -1
    {%- endif -%}
{%- endmacro %}

{#-
    The Paris days that the playbacks with new heartbeats touch, as a list of date literals, so that an engine
    reads these partitions only: the days of the new heartbeats, and the days the model has for those playbacks.

    A playback's own id tells them, and is one text to compare with every row of the history. It may tell of days too
    many, which cost time and change nothing; where a player gives the same id to all, the whole key is asked.
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

{#- The days of new heartbeats, and of the model's rows that have this key in common with one. -#}
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
