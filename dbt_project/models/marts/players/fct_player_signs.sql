-- Grain: one row per span, device, app version and sign of its health that stands out.
-- Spans are each calendar month, and the latest known days (`span` is 'latest').
-- Not additive over spans: the same heartbeats are in both.
-- The lines below come from a loop, so their indent does not matter.
-- noqa: disable=LT02
{%- set sums = [
    'started_playbacks', 'single_heartbeat_playbacks', 'heartbeats', 'playing_heartbeats',
    'unpositioned_heartbeats', 'tied_heartbeats', 'frozen_ms', 'uncounted_ms',
    'outrunning_heartbeats', 'watch_ms', 'delivered_heartbeats', 'rejects',
] %}
{%- set keys = ['span', 'device', 'app_version', 'first_day', 'last_day'] %}
with health as (
    select * from {{ ref('fct_player_health') }}
),

newest as (
    select max(day) as last_day from health
),

spanned as (
    select
        {{ month_of('day') }} as span,
        health.*
    from health
    union all
    select
        'latest' as span,
        health.*
    from health
    inner join newest
        on health.day > {{ add_days('newest.last_day', -var('latest_days')) }}
),

summed as (
    select
        span,
        device,
        app_version,
        min(day) as first_day,
        max(day) as last_day,
        {%- for column in sums %}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from spanned
    group by span, device, app_version
),

final as (
    {{ player_signs('summed', keys) }}
)

select * from final
