-- Grain: catalogue item.
with final as (
    select
        live_id(number) as live_id,
        'Concert ' || number as title,
        case
            when duration_s(number) >= 1500 or number % 4 = 0 then 'live'
            when number % 4 = 1 then 'documentary'
            when number % 4 = 2 then 'clip'
            else 'studio'
        end as kind,
        number % 7 <> 3 as exclusive,
        duration_s(number) as duration_s,
        $first_day + cast(published_on_day(number) as integer) as published_on,
        $first_day + cast(published_on_day(number) as integer) - 90 as recorded_on,
        'Salle ' || hash(number, 'venue') % 200 as venue,
        (['Paris', 'Lyon', 'Marseille', 'Lille', 'Nantes', 'Rennes'])[1 + cast(hash(number, 'city') % 6 as bigint)]
            as city,
        (['rock', 'chanson', 'jazz', 'electro', 'rap', 'folk'])[1 + cast(hash(number, 'genre') % 6 as bigint)] as genre,
        strftime($first_day - 60, '%Y-%m-%dT09:00:00Z') as updated_at
    from range(5_000) as numbers(number)
)

select * from final order by live_id
