-- No nano and no cent is created or lost in a month (RULES.md §5.5, §8 "conservation"),
-- user-centric and pro-rata.
-- Each row is a month, the fact that does not hold, the expected value and the value
-- found. A month without pool members cannot close (fct_close_blockers reports it);
-- only the facts that must hold there too are checked.
with months as (
    select * from {{ ref('fct_settlement_months') }}
),

artists as (
    select
        settlement_month,
        sum(current_direct_nanos) as direct_nanos,
        sum(current_to_pool_nanos) as to_pool_nanos,
        sum(current_pool_nanos) as pool_nanos,
        sum(current_earned_nanos) as earned_nanos,
        sum(current_earned_cents) as earned_cents,
        sum(pro_rata_earned_nanos) as pro_rata_earned_nanos,
        sum(pro_rata_earned_cents) as pro_rata_earned_cents,
        sum(
            abs(current_earned_nanos - current_direct_nanos - current_pool_nanos)
        ) as unexplained_nanos,
        max(
            abs(
                current_earned_cents * {{ var('nanos_per_cent') }}
                - current_earned_nanos
            )
        ) as largest_rounding_nanos
    from {{ ref('fct_artist_months') }}
    group by settlement_month
),

facts as (
    select
        months.settlement_month,
        'direct + pool = envelopes' as fact,
        months.envelope_nanos as expected,
        months.direct_nanos + months.pool_nanos as found
    from months
    union all
    select
        months.settlement_month,
        'direct amounts of artists = direct of the month' as fact,
        months.direct_nanos as expected,
        coalesce(artists.direct_nanos, 0) as found
    from months
    left join artists
        on months.settlement_month = artists.settlement_month
    union all
    select
        months.settlement_month,
        'pool shares of members = pool' as fact,
        months.pool_nanos as expected,
        coalesce(artists.pool_nanos, 0) as found
    from months
    left join artists
        on months.settlement_month = artists.settlement_month
    where months.pool_members > 0
    union all
    select
        months.settlement_month,
        'earned cents = envelopes' as fact,
        months.envelope_nanos as expected,
        coalesce(artists.earned_cents, 0) * {{ var('nanos_per_cent') }} as found
    from months
    left join artists
        on months.settlement_month = artists.settlement_month
    where months.pool_members > 0
    union all
    select
        months.settlement_month,
        'pro-rata earned = envelopes' as fact,
        months.envelope_nanos as expected,
        coalesce(artists.pro_rata_earned_nanos, 0) as found
    from months
    left join artists
        on months.settlement_month = artists.settlement_month
    where months.pool_members > 0
    union all
    select
        months.settlement_month,
        'pro-rata cents = envelopes' as fact,
        months.envelope_nanos as expected,
        coalesce(artists.pro_rata_earned_cents, 0)
        * {{ var('nanos_per_cent') }} as found
    from months
    left join artists
        on months.settlement_month = artists.settlement_month
    where months.pool_members > 0
    union all
    select
        settlement_month,
        'earned = direct + pool share, for each artist' as fact,
        0 as expected,
        unexplained_nanos as found
    from artists
    union all
    select
        settlement_month,
        'rounding moves an artist by less than one cent' as fact,
        0 as expected,
        largest_rounding_nanos as found
    from artists
    where largest_rounding_nanos >= {{ var('nanos_per_cent') }}
),

final as (
    select *
    from facts
    where expected != found
)

select * from final
