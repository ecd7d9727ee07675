-- Grain: one row per settlement month and pool member, with the member's part of the
-- pool. The parts sum to the pool, to the nano (RULES.md §5.4).
with months as (
    select * from {{ ref('int_settlement_months') }}
),

members as (
    select * from {{ ref('int_pool_members') }}
),

pools as (
    select * from {{ ref('int_month_pools') }}
),

directs as (
    select * from {{ ref('int_month_slices') }}
),

{{ pool_shares() }},

final as (
    select * from pool_shares
)

select * from final
