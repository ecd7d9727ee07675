-- Grain: one row per catalogue and live: its newest credit set as a whole. A set is
-- valid if its shares sum to 10,000 bp and no artist has two of them.
with credits as (
    select * from {{ ref('int_catalogue_credits') }}
),

final as (
    select
        catalogue,
        live_id,
        cast(sum(share_bp) as bigint) as shares_bp,
        count(*) as credits,
        count(distinct artist_id) as artists,
        sum(share_bp) = 10000 and count(*) = count(distinct artist_id) as is_valid
    from credits
    group by catalogue, live_id
)

select * from final
