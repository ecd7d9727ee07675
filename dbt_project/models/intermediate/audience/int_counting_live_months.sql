{{ built_by_month() }}
-- Grain: one row per subscriber, live and calendar month in Paris with counting watch
-- time: on a live that counts by the policy of the month and has valid credits
-- (RULES.md §4), by today's catalogue. `watch_ms` is additive.
-- It covers all subscribers, with or without a paid period: it measures what is
-- watched, not what is settled.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

watched as (
    select
        subscriber_id,
        live_id,
        {{ month_of('event_day') }} as month,
        sum(watch_ms) as watch_ms
    from playback_days
    where watch_ms > 0
    group by subscriber_id, live_id, {{ month_of('event_day') }}
),

final as (
    select
        watched.subscriber_id,
        watched.live_id,
        watched.month,
        cast(watched.watch_ms as bigint) as watch_ms
    from watched
    inner join months
        on watched.month = months.settlement_month
    inner join lives
        on watched.live_id = lives.live_id
    inner join credit_sets
        on
            watched.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
            and credit_sets.is_valid
    where {{ counts('lives', 'months') }}
)

select * from final
