-- Grain: one (artist, share) of a live's newest credit set. Sets tied on `updated_at`
-- merge; identical lines are one; two shares of one artist stay two rows, and
-- int_credit_sets says that the set is not valid.
with ranked as (
    select
        live_id,
        artist_id,
        share_bp,
        updated_at,
        rank() over (
            partition by live_id
            order by updated_at desc nulls last
        ) as recency
    from {{ source('raw', 'live_credits') }}
),

final as (
    select
        live_id,
        artist_id,
        share_bp,
        max(updated_at) as updated_at
    from ranked
    where recency = 1
    group by live_id, artist_id, share_bp
)

select * from final
