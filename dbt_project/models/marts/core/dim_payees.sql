-- Grain: one row per artist: the payee of a transfer, as last delivered, and since when
-- the IBAN is known. It decides nothing: payouts weigh the age of an IBAN (§6). Personal
-- data: payouts read it, dashboards never do.
with artists as (
    select * from {{ ref('stg_catalogue__artists') }}
),

records as (
    select
        artist_id,
        {{ as_machines_write('iban') }} as iban,
        updated_at
    from {{ source('catalogue', 'artists') }}
    -- A blank text is no IBAN: it neither ages one nor makes it a change.
    where {{ as_machines_write('iban') }} <> ''
),

ibans as (
    select
        artist_id,
        iban,
        min(updated_at) as first_seen_at,
        max(case when updated_at is null then 1 else 0 end) = 1 as is_undated
    from records
    group by artist_id, iban
),

ibans_in_order as (
    select
        artist_id,
        iban,
        is_undated,
        count(*) over (partition by artist_id) > 1 as has_other_iban,
        case when not is_undated then first_seen_at end as first_seen_at,
        row_number() over (
            partition by artist_id
            order by
                case when is_undated then 0 else 1 end,
                first_seen_at,
                iban
        ) = 1 as is_first_iban
    from ibans
),

final as (
    select
        artists.artist_id,
        artists.name as artist_name,
        artists.email,
        ibans_in_order.iban,
        artists.bic,
        artists.street,
        artists.postcode,
        artists.town,
        artists.country,
        artists.legal_name,
        artists.account_holder,
        artists.siren,
        artists.vat_id,
        artists.tax_country,
        artists.contact_email,
        artists.left_on,
        ibans_in_order.first_seen_at as iban_first_seen_at,
        coalesce(ibans_in_order.is_first_iban, false) as is_first_iban,
        coalesce(ibans_in_order.has_other_iban, false) as has_other_iban,
        coalesce(ibans_in_order.is_undated, false) as iban_is_undated
    from artists
    left join ibans_in_order
        on
            artists.artist_id = ibans_in_order.artist_id
            and {{ as_machines_write('artists.iban') }} = ibans_in_order.iban
)

select * from final
