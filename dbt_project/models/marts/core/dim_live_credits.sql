-- Grain: one row per live and artist credited on it, by the live's newest credit set;
-- including lives that do not count or that no one has watched.
with credits as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

final as (
    select
        live_id,
        artist_id,
        cast(sum(share_bp) as bigint) as share_bp
    from credits
    group by live_id, artist_id
)

select * from final
