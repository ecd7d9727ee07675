-- Grain: one row per calendar month in Paris with a heartbeat. `inputs` is a
-- fingerprint of everything that affects how the month's watch time counts by today's
-- catalogue: its playbacks, the policy, the lives watched in it, their credits, and the
-- categories that the credited artists had in the month.
with watch_months as (
    select * from {{ ref('int_watch_months') }}
),

watched_lives as (
    select * from {{ ref('int_lives_watched') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

lives as (
    select * from {{ ref('stg_catalogue__lives') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
    where catalogue is null
),

credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

-- A category that began before the month or ends after it is cut to the month's bounds:
-- the exact day makes no difference to the month.
credited as (
    select
        watched_lives.month,
        watched_lives.live_id,
        credits.artist_id,
        credits.share_bp,
        categories.category,
        greatest(categories.valid_from, months.first_day) as valid_from,
        least(
            coalesce(categories.valid_until, {{ add_days('months.last_day', 1) }}),
            {{ add_days('months.last_day', 1) }}
        ) as valid_until
    from watched_lives
    inner join months
        on watched_lives.month = months.settlement_month
    inner join credits
        on watched_lives.live_id = credits.live_id
    left join categories
        on
            credits.artist_id = categories.artist_id
            and {{ stands_between(
                'categories', 'months.first_day', 'months.last_day'
            ) }}
),

facts as (
    select
        watched_lives.month,
        {{ text_of([
            "'live'",
            'watched_lives.live_id',
            'lives.kind',
            'lives.exclusive',
            'lives.duration_s',
            'credit_sets.is_valid',
        ]) }} as fact
    from watched_lives
    left join lives
        on watched_lives.live_id = lives.live_id
    left join credit_sets
        on watched_lives.live_id = credit_sets.live_id
    union all
    select
        month,
        {{ text_of([
            "'credit'",
            'live_id',
            'artist_id',
            'share_bp',
            'category',
            'valid_from',
            'valid_until',
        ]) }} as fact
    from credited
    group by
        month, live_id, artist_id, share_bp, category, valid_from, valid_until
),

judged as (
    select
        month,
        {{ rows_hash('fact') }} as facts_hash
    from facts
    group by month
),

final as (
    select
        watch_months.month,
        {{ text_of([
            'watch_months.inputs',
            'months.minimum_live_s',
            'judged.facts_hash',
        ]) }} as inputs
    from watch_months
    inner join months
        on watch_months.month = months.settlement_month
    left join judged
        on watch_months.month = judged.month
)

select * from final
