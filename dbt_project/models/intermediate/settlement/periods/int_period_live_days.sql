{{ built_by_month(month='settlement_month', inputs='int_settlement_inputs') }}
-- Grain: one row per settled period, live that counts and Paris day on which the
-- subscriber watched it (RULES.md §4), by the catalogue of the month.
-- Not additive over periods: overlapping periods of one subscriber each have the same
-- watch time (§5).
with periods as (
    select * from {{ ref('int_periods_settled') }}
    where {{ is_changed_month('settlement_month') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

playback_days as (
    select * from {{ ref('int_playback_days') }}
    where event_day >= (select min(periods.period_start) from periods)
),

-- Sum before filtering: if months were joined first, each live would be repeated for
-- every month.
watched as (
    select
        periods.period_id,
        periods.settlement_month,
        playback_days.live_id,
        playback_days.event_day,
        cast(sum(playback_days.watch_ms) as bigint) as watch_ms
    from periods
    inner join playback_days
        on
            periods.subscriber_id = playback_days.subscriber_id
            and periods.period_start <= playback_days.event_day
            and periods.period_end > playback_days.event_day
    group by
        periods.period_id,
        periods.settlement_month,
        playback_days.live_id,
        playback_days.event_day
),

lives as (
    select * from {{ ref('int_catalogue_lives') }}
),

final as (
    select
        watched.period_id,
        watched.settlement_month,
        months.catalogue,
        watched.live_id,
        watched.event_day,
        watched.watch_ms
    from watched
    inner join months
        on watched.settlement_month = months.settlement_month
    inner join lives
        on
            watched.live_id = lives.live_id
            and months.catalogue is not distinct from lives.catalogue
    where
        watched.watch_ms > 0
        and {{ counts('lives', 'months') }}
)

select * from final
