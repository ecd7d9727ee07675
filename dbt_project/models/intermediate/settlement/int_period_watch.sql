{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: settled period × live that counts × Paris day on which its subscriber watched
-- it (RULES.md §4), by the catalogue of its month.
-- Not additive over periods: of overlapping periods of one subscriber each has the same
-- watching (§5).
with periods as (
    select * from {{ ref('int_periods_settled') }}
    where {{ is_changed_month('settlement_month') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

daily_watch as (
    select
        subscriber_id,
        live_id,
        event_day,
        cast(sum(watch_ms) as bigint) as watch_ms
    from {{ ref('int_playback_days') }}
    where event_day >= (select min(periods.period_start) from periods)
    group by subscriber_id, live_id, event_day
),

lives as (
    select * from {{ ref('int_catalogue_lives') }}
),

final as (
    select
        periods.period_id,
        periods.settlement_month,
        months.catalogue,
        daily_watch.live_id,
        daily_watch.event_day,
        daily_watch.watch_ms
    from periods
    inner join months
        on periods.settlement_month = months.settlement_month
    inner join daily_watch
        on
            periods.subscriber_id = daily_watch.subscriber_id
            and periods.period_start <= daily_watch.event_day
            and periods.period_end > daily_watch.event_day
    inner join lives
        on
            daily_watch.live_id = lives.live_id
            and months.catalogue is not distinct from lives.catalogue
    where
        daily_watch.watch_ms > 0
        and lives.kind = 'live'
        and lives.exclusive
        and lives.duration_s >= months.minimum_live_s
)

select * from final
