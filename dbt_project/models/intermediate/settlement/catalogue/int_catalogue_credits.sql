-- Grain: one row per catalogue and (artist, share) of a live's newest credit set in it.
-- The catalogues are those of int_catalogue_lives.
with today as (
    select * from {{ ref('stg_catalogue__live_credits') }}
),

booked as (
    select * from {{ ref('stg_booked__live_credits') }}
),

final as (
    select
        cast(null as string) as catalogue,
        live_id,
        artist_id,
        share_bp
    from today
    union all
    select
        catalogue,
        live_id,
        artist_id,
        share_bp
    from booked
)

select * from final
