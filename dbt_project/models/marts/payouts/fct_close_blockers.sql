-- Grain: one row per settlement month, reason and offender that carries weight or money
-- in the month (RULES.md §4, §5.4).
-- A month with a row here cannot close.
with lives as (
    select * from {{ ref('int_lives_settled') }}
),

credit_sets as (
    select * from {{ ref('int_credit_sets') }}
),

settled_artists as (
    select * from {{ ref('int_artists_settled') }}
),

artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

settlement_months as (
    select * from {{ ref('fct_settlement_months') }}
),

pool_members as (
    select * from {{ ref('int_pool_members') }}
),

credit_sets_not_valid as (
    select
        lives.settlement_month,
        case
            when credit_sets.live_id is null then 'live_without_credits'
            when credit_sets.credits != credit_sets.artists then 'artist_credited_twice'
            else 'credit_shares_not_10000'
        end as reason,
        lives.live_id as subject_id,
        coalesce(credit_sets.shares_bp, 0) as found
    from lives
    left join credit_sets
        on
            lives.live_id = credit_sets.live_id
            and lives.catalogue is not distinct from credit_sets.catalogue
    where not coalesce(credit_sets.is_valid, false)
),

artists_without_category as (
    select
        settlement_month,
        'artist_without_category' as reason,
        artist_id as subject_id,
        days_without_category as found
    from settled_artists
    where days_without_category > 0
),

artists_with_money as (
    select settlement_month, artist_id from settled_artists
    union
    select pool_members.settlement_month, pool_members.artist_id
    from pool_members
    inner join settlement_months
        on pool_members.settlement_month = settlement_months.settlement_month
    where settlement_months.pool_nanos > 0
),

artists_unknown as (
    select
        artists_with_money.settlement_month,
        'artist_unknown' as reason,
        artists_with_money.artist_id as subject_id,
        1 as found
    from artists_with_money
    left join artists
        on artists_with_money.artist_id = artists.artist_id
    where artists.artist_id is null
),

pools_without_members as (
    select
        settlement_month,
        'pool_without_members' as reason,
        settlement_month as subject_id,
        pool_members as found
    from settlement_months
    where
        envelope_nanos > 0
        and pool_members = 0
),

final as (
    select settlement_month, reason, subject_id, cast(found as bigint) as found
    from credit_sets_not_valid
    union all
    select settlement_month, reason, subject_id, cast(found as bigint) as found
    from artists_without_category
    union all
    select settlement_month, reason, subject_id, cast(found as bigint) as found
    from artists_unknown
    union all
    select settlement_month, reason, subject_id, cast(found as bigint) as found
    from pools_without_members
)

select * from final
