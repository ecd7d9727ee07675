-- The earnings of an artist's lives sum to the artist's direct amount of the month, to
-- the nano. Each row is an artist's month in which they do not.
with lives as (
    select
        settlement_month,
        artist_id,
        sum(direct_nanos) as direct_nanos
    from {{ ref('fct_artist_lives') }}
    group by settlement_month, artist_id
),

months as (
    select
        settlement_month,
        artist_id,
        current_direct_nanos
    from {{ ref('fct_artist_months') }}
),

final as (
    select
        months.settlement_month,
        months.artist_id,
        months.current_direct_nanos,
        lives.direct_nanos
    from months
    left join lives
        on
            months.settlement_month = lives.settlement_month
            and months.artist_id = lives.artist_id
    where months.current_direct_nanos != coalesce(lives.direct_nanos, 0)
)

select * from final
