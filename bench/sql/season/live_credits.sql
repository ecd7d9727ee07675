-- Grain: live × artist. Seven in ten lives have one artist, the others two.
with numbered as (
    select
        number,
        cast(hash(number, 'artist') % 1_000 as bigint) as first_artist,
        hash(number, 'duo') % 10 >= 7 as is_duo,
        cast(500 * (1 + hash(number, 'part') % 10) as bigint) as second_share_bp,
        1 + cast(hash(number, 'guest') % 999 as bigint) as further
    from range(5_000) as numbers(number)
),

credits as (
    select
        number,
        first_artist as artist,
        case when is_duo then 10_000 - second_share_bp else 10_000 end as share_bp
    from numbered
    union all
    select number, (first_artist + further) % 1_000 as artist, second_share_bp as share_bp from numbered where is_duo
),

final as (
    select
        live_id(number) as live_id,
        artist_id(artist) as artist_id,
        share_bp,
        strftime($first_day - 60, '%Y-%m-%dT09:00:00Z') as updated_at
    from credits
)

select * from final order by live_id, artist_id
