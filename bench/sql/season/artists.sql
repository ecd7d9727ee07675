-- Grain: artist. Payable artists have a German account with valid check digits at a bank that does not exist.
with numbered as (
    select
        number,
        '99' || lpad(cast(hash(number, 'account') % 10_000_000_000 as varchar), 16, '0') as account
    from range(1_000) as numbers(number)
),

final as (
    select
        artist_id(number) as artist_id,
        'Artiste ' || lpad(cast(number as varchar), 4, '0') as name,
        'artiste-' || number || '@example.org' as email,
        -- One in twenty has no bank account on record.
        case
            when number % 20 <> 7
                then 'DE' || lpad(cast(98 - cast(account || '131400' as hugeint) % 97 as varchar), 2, '0') || account
        end as iban,
        number || ' rue des Essais' as street,
        '75011' as postcode,
        'Paris' as town,
        'FR' as country,
        strftime($first_day - 60, '%Y-%m-%dT09:00:00Z') as updated_at
    from numbered
)

select * from final order by artist_id
