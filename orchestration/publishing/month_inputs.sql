-- Grain: settlement month. Sums of hashes of everything that settling it reads (the same
-- inputs as in `sums.sql` of allive.payouts.simulation).
with months as (
    select * from marts.fct_settlement_months
    where list_contains($months, settlement_month)
),

periods as (
    select
        settled.settlement_month,
        settled.period_id,
        settled.subscriber_id,
        settled.period_start,
        settled.period_end,
        hash(
            settled,
            delivered.price_cents,
            delivered.envelope_cents,
            delivered.refunded_cents
        ) as period_hash
    from intermediate.int_periods_settled as settled
    inner join staging.stg_billing__periods as delivered
        on settled.period_id = delivered.period_id
    where list_contains($months, settled.settlement_month)
),

period_hashes as (
    select
        settlement_month,
        sum(period_hash) as hash_sum
    from periods
    group by settlement_month
),

watch_hashes as (
    select
        periods.settlement_month,
        sum(hash(periods.period_id, days.live_id, days.event_day, days.watch_ms))
            as hash_sum
    from periods
    inner join intermediate.int_playback_days as days
        on
            periods.subscriber_id = days.subscriber_id
            and periods.period_start <= days.event_day
            and periods.period_end > days.event_day
    where
        days.watch_ms > 0
        and days.event_day >= (select min(periods.period_start) from periods)
        and days.event_day < (select max(periods.period_end) from periods)
    group by periods.settlement_month
),

catalogue_rows as (
    select
        catalogue,
        hash('lives', lives) as row_hash
    from intermediate.int_catalogue_lives as lives
    union all
    select
        catalogue,
        hash('credits', credits) as row_hash
    from intermediate.int_catalogue_credits as credits
    union all
    select
        catalogue,
        hash('categories', categories) as row_hash
    from intermediate.int_catalogue_categories as categories
),

catalogue_hashes as (
    select
        catalogue,
        sum(row_hash) as hash_sum
    from catalogue_rows
    group by catalogue
)

select
    months.settlement_month,
    hash(months) as month_hash,
    period_hashes.hash_sum as period_hashes,
    watch_hashes.hash_sum as watch_hashes,
    catalogue_hashes.hash_sum as catalogue_hashes
from months
left join period_hashes
    on months.settlement_month = period_hashes.settlement_month
left join watch_hashes
    on months.settlement_month = watch_hashes.settlement_month
left join catalogue_hashes
    on months.catalogue is not distinct from catalogue_hashes.catalogue
