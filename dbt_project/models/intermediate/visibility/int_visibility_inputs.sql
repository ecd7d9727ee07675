-- Grain: one row per settlement month. `inputs` is a fingerprint of everything that
-- affects the month's visibility: the watching in it and in the next month (a discovery
-- is followed for weeks), how far the data follow it, the lives that were online, the
-- artists' categories, and the money.
with month_inputs as (
    select * from {{ ref('int_month_inputs') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

online_credits as (
    select * from {{ ref('int_online_credits') }}
),

categories as (
    select * from {{ ref('stg_catalogue__artist_categories') }}
),

category_slices as (
    select * from {{ ref('int_category_slices') }}
),

pool_shares as (
    select * from {{ ref('int_pool_shares') }}
),

pro_rata_slices as (
    select * from {{ ref('int_pro_rata_slices') }}
),

pro_rata_pool_shares as (
    select * from {{ ref('int_pro_rata_pool_shares') }}
),

members as (
    select * from {{ ref('int_pool_members') }}
),

data_end as (
    select max(event_day) as last_day from {{ ref('int_playback_days') }}
),

facts as (
    select
        month,
        {{ text_of(["'online'", 'live_id', 'artist_id', 'category']) }} as fact
    from online_credits
    union all
    select
        months.settlement_month as month,
        {{ text_of(["'category'", 'categories.artist_id', 'categories.category']) }}
            as fact
    from months
    inner join categories
        on {{ stands_on('categories', 'months.last_day') }}
    union all
    select
        settlement_month as month,
        {{ text_of(["'slices'", 'category', 'destination', 'amount_nanos']) }} as fact
    from category_slices
    union all
    select
        settlement_month as month,
        {{ text_of(["'pool'", 'artist_id', 'pool_nanos']) }} as fact
    from pool_shares
    union all
    select
        settlement_month as month,
        {{ text_of([
            "'pro rata'", 'artist_id', 'category', 'destination', 'amount_nanos',
        ]) }} as fact
    from pro_rata_slices
    union all
    select
        settlement_month as month,
        {{ text_of(["'pro rata pool'", 'artist_id', 'pool_nanos']) }} as fact
    from pro_rata_pool_shares
    union all
    select
        settlement_month as month,
        {{ text_of(["'member'", 'artist_id', 'category']) }} as fact
    from members
),

hashed as (
    select
        month,
        {{ rows_hash('fact') }} as facts_hash
    from facts
    group by month
),

final as (
    select
        months.settlement_month as month,
        {{ text_of([
            'of_month.inputs',
            'of_next_month.inputs',
            'least(data_end.last_day, '
            ~ add_days('months.last_day', [var('repeat_days'), var('path_days')] | max)
            ~ ')',
            'hashed.facts_hash',
        ]) }} as inputs
    from months
    cross join data_end
    left join month_inputs as of_month
        on months.settlement_month = of_month.month
    left join month_inputs as of_next_month
        on {{ month_of(add_days('months.last_day', 1)) }} = of_next_month.month
    left join hashed
        on months.settlement_month = hashed.month
)

select * from final
