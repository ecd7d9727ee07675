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
-#}
{% macro days_to_read(model) -%}
    {%- if not (execute and is_incremental()) -%}{{ return('') }}{%- endif -%}
    {%- set days_query -%}
        with new_heartbeats as (
            select
                playback_id,
                subscriber_id,
                live_id,
                event_day
            from {{ ref('stg_player__heartbeats') }}
            where batch_number > {{ watermark(model) }}
            group by playback_id, subscriber_id, live_id, event_day
        ),

        touched as (
            select event_day from new_heartbeats
            union
            select known.event_day
            from {{ model }} as known
            inner join new_heartbeats
                on
                    known.playback_id = new_heartbeats.playback_id
                    and known.subscriber_id = new_heartbeats.subscriber_id
                    and known.live_id = new_heartbeats.live_id
        )

        select event_day from touched order by event_day
    {%- endset -%}
    {%- set days = run_query(days_query).columns[0].values() -%}
    {%- set literals = [] -%}
    {%- for day in days -%}{%- do literals.append("date '" ~ day ~ "'") -%}{%- endfor -%}
    {{ return(literals | join(', ') if literals else 'null') }}
{%- endmacro %}
