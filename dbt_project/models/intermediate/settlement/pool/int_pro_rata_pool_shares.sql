-- Grain: one row per settlement month and pool member, with the member's part of the
-- counterfactual's pool, by the same rule as the pool.
with months as (
    select * from {{ ref('int_settlement_months') }}
),

members as (
    select * from {{ ref('int_pool_members') }}
),

pools as (
    select
        settlement_month,
        pro_rata_pool_nanos as pool_nanos
    from {{ ref('int_month_pools') }}
),

directs as (
    select
        settlement_month,
        artist_id,
        cast(sum(amount_nanos) as bigint) as direct_nanos
    from {{ ref('int_pro_rata_slices') }}
    where destination = 'direct'
    group by settlement_month, artist_id
),

{{ pool_shares() }},

final as (
    select * from pool_shares
)

select * from final
