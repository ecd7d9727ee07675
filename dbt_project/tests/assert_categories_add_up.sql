-- The categories of a month sum to its counting watch time (the part that goes to
-- artists with a category), their money to its envelopes, with known artists at 0, and
-- each kind of share to 10,000 bp. A pool without members leaves money out, and blocks
-- the close.
with visibility as (
    select * from {{ ref('fct_emerging_visibility') }}
    where {{ is_unproven_month('month', 'fct_emerging_visibility') }}
),

daily_watch as (
    select * from {{ ref('fct_daily_watch') }}
    where {{ is_unproven_day('day', 'fct_emerging_visibility') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

months as (
    select * from {{ ref('fct_settlement_months') }}
    where {{ is_unproven_month('settlement_month', 'fct_emerging_visibility') }}
),

counting as (
    select
        months.settlement_month as month,
        {{ share_floor(
            'sum(' ~ wide('daily_watch.watch_ms') ~ ' * credits.share_bp)', 1, 10000
        ) }} as watch_ms
    from daily_watch
    inner join lives
        on daily_watch.live_id = lives.live_id
    inner join months
        on
            daily_watch.day >= months.first_day
            and daily_watch.day <= months.last_day
            and lives.duration_s >= months.minimum_live_s
    inner join credit_sets
        on
            daily_watch.live_id = credit_sets.live_id
            and credit_sets.catalogue is null
            and credit_sets.is_valid
    inner join credits
        on daily_watch.live_id = credits.live_id
    inner join categories
        on
            credits.artist_id = categories.artist_id
            and daily_watch.day >= categories.valid_from
            and (
                categories.valid_until is null
                or daily_watch.day < categories.valid_until
            )
    where
        lives.kind = 'live'
        and lives.exclusive
    group by months.settlement_month
),

summed as (
    select
        month,
        sum(watch_ms) as watch_ms,
        sum(money_nanos) as money_nanos,
        sum(pro_rata_nanos) as pro_rata_nanos,
        sum(case when category = 'known' then money_nanos else 0 end) as known_nanos,
        coalesce(sum(watch_share_bp), 10000) as watch_share_bp,
        coalesce(sum(money_share_bp), 10000) as money_share_bp,
        coalesce(sum(pro_rata_share_bp), 10000) as pro_rata_share_bp
    from visibility
    group by month
),

final as (
    select
        months.settlement_month,
        counting.watch_ms as counting_watch_ms,
        months.envelope_nanos,
        summed.watch_ms,
        summed.money_nanos,
        summed.pro_rata_nanos,
        summed.known_nanos,
        summed.watch_share_bp,
        summed.money_share_bp,
        summed.pro_rata_share_bp
    from months
    left join summed
        on months.settlement_month = summed.month
    left join counting
        on months.settlement_month = counting.month
    where
        coalesce(summed.watch_ms, 0) != coalesce(counting.watch_ms, 0)
        or (
            months.pool_members > 0
            and (
                coalesce(summed.money_nanos, 0) != months.envelope_nanos
                or coalesce(summed.pro_rata_nanos, 0) != months.envelope_nanos
            )
        )
        or summed.known_nanos != 0
        or summed.watch_share_bp != 10000
        or summed.money_share_bp != 10000
        or summed.pro_rata_share_bp != 10000
)

select * from final
