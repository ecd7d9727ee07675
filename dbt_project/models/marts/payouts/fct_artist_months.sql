-- Grain: one row per artist and settlement month in which the artist is a pool member,
-- was watched or has a booked line. The next month to close also has every artist with
-- an earlier row: a balance, a correction or a returned payment can come to any of
-- them.
-- `booked_*` is booked by the month's close, `adjustment_cents` is added by later runs,
-- `current_*` is the result on today's data (with the catalogue and the policy that the
-- month keeps while it is in the look-back). Nanos are additive over artists and
-- months; cents are rounded per month (RULES.md §5.5). `current_paying_subscribers` is
-- not additive over artists or months.
with members as (
    select * from {{ ref('int_pool_members') }}
),

month_slices as (
    select * from {{ ref('int_month_slices') }}
),

pool_shares as (
    select * from {{ ref('int_pool_shares') }}
),

pro_rata_directs as (
    select
        settlement_month,
        artist_id,
        cast(sum(amount_nanos) as bigint) as direct_nanos
    from {{ ref('int_pro_rata_slices') }}
    where destination = 'direct'
    group by settlement_month, artist_id
),

pro_rata_shares as (
    select * from {{ ref('int_pro_rata_pool_shares') }}
),

months as (
    select * from {{ ref('int_settlement_months') }}
),

categories as (
    select * from {{ ref('int_catalogue_categories') }}
),

booked as (
    select * from {{ source('booked', 'artist_months') }}
),

last_closed as (
    select max(settlement_month) as settlement_month
    from {{ source('booked', 'months') }}
),

adjusted as (
    select
        corrects_month as settlement_month,
        artist_id,
        cast(sum(adjustment_cents) as bigint) as adjustment_cents
    from {{ source('booked', 'adjustments') }}
    group by corrects_month, artist_id
),

known as (
    select settlement_month, artist_id from members
    union
    select settlement_month, artist_id from month_slices
    union
    select settlement_month, artist_id from booked
    union
    select settlement_month, artist_id from adjusted
),

next_run as (
    select
        known.artist_id,
        {{ month_of(
            add_months("cast(last_closed.settlement_month || '-01' as date)", 1)
        ) }} as settlement_month
    from known
    inner join last_closed
        on known.settlement_month <= last_closed.settlement_month
),

artist_months as (
    select settlement_month, artist_id from known
    union
    select settlement_month, artist_id from next_run
),

earned as (
    select
        artist_months.settlement_month,
        artist_months.artist_id,
        months.is_in_look_back,
        categories.category,
        members.artist_id is not null as is_pool_member,
        coalesce(month_slices.watch_ms, 0) as watch_ms,
        coalesce(month_slices.paying_subscribers, 0) as paying_subscribers,
        coalesce(month_slices.direct_nanos, 0) as direct_nanos,
        coalesce(month_slices.to_pool_nanos, 0) as to_pool_nanos,
        coalesce(pool_shares.pool_nanos, 0) as pool_nanos,
        coalesce(month_slices.direct_nanos, 0)
        + coalesce(pool_shares.pool_nanos, 0) as earned_nanos,
        coalesce(pro_rata_directs.direct_nanos, 0) as pro_rata_direct_nanos,
        coalesce(pro_rata_shares.pool_nanos, 0) as pro_rata_pool_nanos
    from artist_months
    inner join months
        on artist_months.settlement_month = months.settlement_month
    left join members
        on
            artist_months.settlement_month = members.settlement_month
            and artist_months.artist_id = members.artist_id
    left join month_slices
        on
            artist_months.settlement_month = month_slices.settlement_month
            and artist_months.artist_id = month_slices.artist_id
    left join pool_shares
        on
            artist_months.settlement_month = pool_shares.settlement_month
            and artist_months.artist_id = pool_shares.artist_id
    left join pro_rata_directs
        on
            artist_months.settlement_month = pro_rata_directs.settlement_month
            and artist_months.artist_id = pro_rata_directs.artist_id
    left join pro_rata_shares
        on
            artist_months.settlement_month = pro_rata_shares.settlement_month
            and artist_months.artist_id = pro_rata_shares.artist_id
    left join categories
        on
            artist_months.artist_id = categories.artist_id
            and months.catalogue is not distinct from categories.catalogue
            and {{ stands_between('categories', 'months.last_day', 'months.last_day') }}
),

totalled as (
    select
        *,
        sum(earned_nanos) over (partition by settlement_month) as month_earned_nanos
    from earned
),

{{ largest_remainder(
    name='rounded',
    source='totalled',
    group_by='settlement_month',
    factor='earned_nanos',
    share=1,
    divisor=var('nanos_per_cent'),
    total_units=share_floor('month_earned_nanos', 1, var('nanos_per_cent')),
    units='earned_cents',
    ties=['artist_id'],
) }},

pro_rata_totalled as (
    select
        settlement_month,
        artist_id,
        pro_rata_direct_nanos + pro_rata_pool_nanos as pro_rata_earned_nanos,
        sum(pro_rata_direct_nanos + pro_rata_pool_nanos) over (
            partition by settlement_month
        ) as month_pro_rata_nanos
    from earned
),

{{ largest_remainder(
    name='pro_rata_rounded',
    source='pro_rata_totalled',
    group_by='settlement_month',
    factor='pro_rata_earned_nanos',
    share=1,
    divisor=var('nanos_per_cent'),
    total_units=share_floor('month_pro_rata_nanos', 1, var('nanos_per_cent')),
    units='pro_rata_earned_cents',
    ties=['artist_id'],
) }},

final as (
    select
        rounded.artist_id,
        rounded.settlement_month,
        rounded.category,
        rounded.is_pool_member,
        rounded.watch_ms as current_watch_ms,
        rounded.paying_subscribers as current_paying_subscribers,
        rounded.direct_nanos as current_direct_nanos,
        rounded.to_pool_nanos as current_to_pool_nanos,
        rounded.pool_nanos as current_pool_nanos,
        rounded.earned_nanos as current_earned_nanos,
        rounded.earned_cents as current_earned_cents,
        rounded.pro_rata_direct_nanos,
        rounded.pro_rata_pool_nanos,
        pro_rata_rounded.pro_rata_earned_nanos,
        pro_rata_rounded.pro_rata_earned_cents,
        booked.watch_ms as booked_watch_ms,
        booked.paying_subscribers as booked_paying_subscribers,
        booked.direct_nanos as booked_direct_nanos,
        booked.pool_nanos as booked_pool_nanos,
        booked.earned_nanos as booked_earned_nanos,
        booked.earned_cents as booked_earned_cents,
        coalesce(adjusted.adjustment_cents, 0) as adjustment_cents,
        case
            when rounded.is_in_look_back
                then
                    rounded.earned_cents
                    - coalesce(booked.earned_cents, 0)
                    - coalesce(adjusted.adjustment_cents, 0)
            else 0
        end as pending_adjustment_cents
    from rounded
    inner join pro_rata_rounded
        on
            rounded.settlement_month = pro_rata_rounded.settlement_month
            and rounded.artist_id = pro_rata_rounded.artist_id
    left join adjusted
        on
            rounded.settlement_month = adjusted.settlement_month
            and rounded.artist_id = adjusted.artist_id
    left join booked
        on
            rounded.settlement_month = booked.settlement_month
            and rounded.artist_id = booked.artist_id
)

select * from final
