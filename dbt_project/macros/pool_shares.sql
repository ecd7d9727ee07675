{#-
    The split of the pool over its members (RULES.md §5.4, §7), as CTEs that end in `pool_shares(settlement_month,
    artist_id, pool_nanos)`. It reads the CTEs `members(settlement_month, artist_id)`, `months(settlement_month,
    pool_rule)`, `pools(settlement_month, pool_nanos)` and `directs(settlement_month, artist_id, direct_nanos)`.

    `equal`: equal parts, leftover nanos to the smallest ids. `direct`: in proportion to the members' direct amounts,
    leftovers to the largest remainders; equal where all are 0. Equal parts use the same formula with every share 1: all
    remainders tie, so the leftovers go to the smallest ids.
-#}
{% macro pool_shares() -%}
member_directs as (
    select
        members.settlement_month,
        members.artist_id,
        months.pool_rule,
        coalesce(pools.pool_nanos, 0) as pool_to_share_nanos,
        coalesce(directs.direct_nanos, 0) as direct_nanos,
        sum(coalesce(directs.direct_nanos, 0)) over (
            partition by members.settlement_month
        ) as members_direct_nanos
    from members
    inner join months
        on members.settlement_month = months.settlement_month
    left join pools
        on members.settlement_month = pools.settlement_month
    left join directs
        on
            members.settlement_month = directs.settlement_month
            and members.artist_id = directs.artist_id
),

member_claims as (
    select
        *,
        case
            when pool_rule = 'direct' and members_direct_nanos > 0 then direct_nanos
            else 1
        end as claim
    from member_directs
),

weighed_claims as (
    select
        *,
        sum(claim) over (partition by settlement_month) as members_claim
    from member_claims
),

{{ largest_remainder(
    name='shared',
    source='weighed_claims',
    group_by='settlement_month',
    factor='claim',
    share='pool_to_share_nanos',
    divisor='members_claim',
    total_units='pool_to_share_nanos',
    units='pool_nanos',
    ties=['artist_id'],
) }},

pool_shares as (
    select
        settlement_month,
        artist_id,
        pool_nanos
    from shared
)
{%- endmacro %}
