{{ built_by_month(inputs='int_watch_months') }}
-- Grain: one row per live, calendar month in Paris and surface on which its playbacks
-- were started.
-- `playbacks` is additive: each counts once, in the month of its first heartbeat.
with playbacks as (
    select * from {{ ref('fct_playbacks') }}
    where {{ is_changed_day('started_on') }}
),

final as (
    select
        live_id,
        {{ month_of('started_on') }} as month,
        coalesce(surface, 'unknown') as surface,
        cast(count(*) as bigint) as playbacks
    from playbacks
    group by live_id, {{ month_of('started_on') }}, coalesce(surface, 'unknown')
)

select * from final
