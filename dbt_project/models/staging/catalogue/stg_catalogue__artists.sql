-- Grain: one row per artist, the latest record.
{{ select_latest(
    source('catalogue', 'artists'),
    ['artist_id'],
    [
        'name', 'email', 'iban', 'bic', 'street', 'postcode', 'town', 'country',
        'left_on', 'legal_name', 'account_holder', 'siren', 'vat_id', 'tax_country',
        'contact_email',
    ],
) }}
