{{ config(severity='warn') }}
-- Several artists with one IBAN can be a duo, or a diversion of another artist's
-- payouts.
with payees as (
    select * from {{ ref('dim_payees') }}
),

final as (
    select
        iban,
        count(*) as artists,
        min(artist_id) as first_artist_id,
        max(artist_id) as last_artist_id
    from payees
    where iban is not null
    group by iban
    having count(*) > 1
)

select * from final
