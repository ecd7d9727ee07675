-- Known artists are never paid from the pool, no one outside of it gets a part, and
-- under the equal rule no two parts differ by more than one nano (RULES.md §5.4). Each
-- row is an artist's month that breaks one of these rules.
with artist_months as (
    select * from {{ ref('fct_artist_months') }}
),

months as (
    select * from {{ ref('fct_settlement_months') }}
),

final as (
    select
        artist_months.settlement_month,
        artist_months.artist_id,
        artist_months.category,
        artist_months.is_pool_member,
        artist_months.current_pool_nanos,
        months.pool_nanos,
        months.pool_members
    from artist_months
    inner join months
        on artist_months.settlement_month = months.settlement_month
    where
        (
            artist_months.is_pool_member
            and coalesce(artist_months.category, 'none')
            not in ('emerging', 'independent')
        )
        or (not artist_months.is_pool_member and artist_months.current_pool_nanos != 0)
        or (
            artist_months.is_pool_member
            and months.pool_rule = 'equal'
            and abs(
                artist_months.current_pool_nanos * months.pool_members
                - months.pool_nanos
            ) >= months.pool_members
        )
)

select * from final
