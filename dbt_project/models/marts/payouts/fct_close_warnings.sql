-- Grain: one row per settlement month, kind and subject that the operator should look
-- at before the month closes (RULES.md §6). A warning does not block a close: it has to
-- be acknowledged.
-- `batch_number` is the last batch that brought the record, for warnings that matter
-- only while the record is new. `among` is the total that `found` is a part of, if
-- there is one.
with settlement_months as (
    select * from {{ ref('int_settlement_months') }}
),

booked_periods as (
    select * from {{ source('booked', 'periods') }}
),

recorded_periods as (
    select * from {{ ref('stg_billing__periods') }}
),

settled_periods as (
    select * from {{ ref('int_periods_settled') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

watched_lives as (
    select * from {{ ref('int_lives_watched') }}
),

subscriber_months as (
    select * from {{ ref('int_subscriber_months') }}
),

watch_days as (
    select * from {{ ref('fct_watch_days') }}
),

days as (
    select * from {{ ref('dim_dates') }}
),

player_signs as (
    select * from {{ ref('fct_player_signs') }}
),

unsubscribed_days as (
    select * from {{ ref('int_days_unsubscribed') }}
),

unknown_lives as (
    select
        watched_lives.month as settlement_month,
        'live_unknown' as kind,
        watched_lives.live_id as subject_id,
        watched_lives.watch_ms as found,
        cast(null as bigint) as batch_number
    from watched_lives
    left join lives
        on watched_lives.live_id = lives.live_id
    where
        lives.live_id is null
        and watched_lives.watch_ms > 0
),

preceded_periods as (
    select
        settlement_month,
        period_id,
        period_start,
        max(period_end) over (
            partition by subscriber_id
            order by period_start, period_end, period_id
            rows between unbounded preceding and 1 preceding
        ) as preceding_end
    from settled_periods
),

overlapping_periods as (
    select
        settlement_month,
        'periods_overlap' as kind,
        period_id as subject_id,
        1 as found,
        cast(null as bigint) as batch_number
    from preceded_periods
    where period_start < preceding_end
),

long_days as (
    select
        month as settlement_month,
        'day_over_24_hours' as kind,
        subscriber_id as subject_id,
        longest_day_ms as found,
        cast(null as bigint) as batch_number
    from subscriber_months
    where longest_day_ms > 24 * 60 * 60 * 1000
),

-- Every day of the month: days after the last heartbeat have no row in fct_watch_days,
-- and that is when an upload is missing.
odd_days as (
    select
        days.month as settlement_month,
        case
            when coalesce(watch_days.playbacks, 0) = 0 then 'day_without_heartbeats'
            else 'day_unusual'
        end as kind,
        cast(days.day as string) as subject_id,
        coalesce(watch_days.watch_ms, 0) as found,
        cast(null as bigint) as batch_number
    from days
    left join watch_days
        on days.day = watch_days.day
    where
        coalesce(watch_days.playbacks, 0) = 0
        or watch_days.is_out_of_band
),

-- Signs that cost artists time, or can. Records rejected for a player are reported with
-- the other rejects, by the batches since the last close (payouts/close_warnings.py).
players as (
    select
        span as settlement_month,
        sign as kind,
        concat(
            case when device = '' then 'unknown' else device end,
            case when app_version = '' then '' else concat(', app ', app_version) end
        ) as subject_id,
        found,
        among,
        cast(null as bigint) as batch_number
    from player_signs
    where
        span != 'latest'
        and sign in (
            'player_single_heartbeats',
            'player_frozen_positions',
            'player_sparse_heartbeats',
            'player_missing_positions'
        )
),

unsubscribed as (
    select
        {{ month_of('day') }} as settlement_month,
        'watched_unsubscribed' as kind,
        subscriber_id as subject_id,
        sum(watch_ms) as found,
        cast(null as bigint) as batch_number
    from unsubscribed_days
    group by {{ month_of('day') }}, subscriber_id
    having sum(watch_ms) >= {{ var('unsubscribed_ms') }}
),

next_run as (
    select
        {{ month_of(
            add_months("max(cast(settlement_month || '-01' as date))", 1)
        ) }} as settlement_month
    from settlement_months
    where is_closed
),

-- Envelopes as if nothing had been refunded, and what is left of them.
periods_of_final_months as (
    select
        recorded_periods.*,
        coalesce(
            recorded_periods.envelope_cents,
            {{ envelope_by_policy(
                'recorded_periods.price_cents', 'settlement_months.envelope_cents'
            ) }}
        ) as whole_envelope_cents
    from booked_periods
    inner join recorded_periods
        on booked_periods.period_id = recorded_periods.period_id
    inner join settlement_months
        on booked_periods.settlement_month = settlement_months.settlement_month
    where
        settlement_months.is_closed
        and not settlement_months.is_in_look_back
),

refunds_of_final_months as (
    select
        next_run.settlement_month,
        'refund_of_final_month' as kind,
        refunded.period_id as subject_id,
        refunded.whole_envelope_cents - refunded.left_cents as found,
        refunded.batch_number
    from (
        select
            *,
            case
                when status != 'paid' then 0
                else {{ left_of_envelope(
                    'whole_envelope_cents', 'price_cents', 'refunded_cents'
                ) }}
            end as left_cents
        from periods_of_final_months
    ) as refunded
    cross join next_run
    where refunded.left_cents < refunded.whole_envelope_cents
),

records as (
    select settlement_month, kind, subject_id, found, batch_number
    from unknown_lives
    union all
    select settlement_month, kind, subject_id, found, batch_number
    from overlapping_periods
    union all
    select settlement_month, kind, subject_id, found, batch_number
    from long_days
    union all
    select settlement_month, kind, subject_id, found, batch_number
    from odd_days
    union all
    select settlement_month, kind, subject_id, found, batch_number
    from unsubscribed
    union all
    select settlement_month, kind, subject_id, found, batch_number
    from refunds_of_final_months
),

final as (
    select
        settlement_month,
        kind,
        subject_id,
        cast(found as bigint) as found,
        cast(null as bigint) as among,
        batch_number
    from records
    union all
    select settlement_month, kind, subject_id, found, among, batch_number
    from players
)

select * from final
