{{ built_by_month(day='day', inputs='int_player_inputs') }}
-- Grain: one row per subscriber and Paris day with watch time that no subscription
-- period of theirs covers. Periods of every status except `void` cover: a trial, or a
-- period refunded since, was a subscription. `watch_ms` is additive.
with playback_days as (
    select * from {{ ref('int_playback_days') }}
    where {{ is_changed_day('event_day') }}
),

periods as (
    select * from {{ ref('stg_billing__periods') }}
    where status != 'void'
),

watched as (
    select
        subscriber_id,
        event_day as day,
        cast(sum(watch_ms) as bigint) as watch_ms
    from playback_days
    where watch_ms > 0
    group by subscriber_id, event_day
),

final as (
    select
        watched.subscriber_id,
        watched.day,
        watched.watch_ms
    from watched
    where
        not exists (
            select 1
            from periods
            where
                periods.subscriber_id = watched.subscriber_id
                and watched.day >= periods.period_start
                and watched.day < periods.period_end
        )
)

select * from final
