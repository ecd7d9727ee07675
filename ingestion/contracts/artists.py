"""An artist, with their bank details and address."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import CountryCode, Day, Id, Instant, Siren, Text

CONTRACT = Contract(
    record_type="artists",
    fields=(
        Field("artist_id", Id(), required=True, description="Id of the artist; the latest record of an id wins."),
        Field("name", Text(), required=True, description="Name under which the artist performs."),
        Field("email", Text(), description="Address for mail to the artist."),
        Field("iban", Text(), description="IBAN of the account that the artist is paid to."),
        Field("bic", Text(), description="BIC of that account's bank."),
        Field("street", Text(), description="Street and number of the artist's postal address."),
        Field("postcode", Text(), description="Postcode of the address."),
        Field("town", Text(), description="Town of the address."),
        Field("country", Text(), description="Country of the address, as two letters (ISO 3166-1)."),
        Field(
            "left_on",
            Day(),
            description="Last day of the artist on the platform, in Paris; missing for artists who have not left.",
        ),
        Field(
            "updated_at",
            Instant(),
            description="Instant of this state of the record: the latest one wins; missing counts as the oldest.",
        ),
        Field(
            "legal_name",
            Text(),
            is_later=True,
            description="Name of the person or company that is paid, as in their contract and tax returns.",
        ),
        Field(
            "account_holder",
            Text(),
            is_later=True,
            description="Holder of the account, as the bank knows them; missing means the legal name, or the name.",
        ),
        Field("siren", Siren(), is_later=True, description="SIREN of a payee that is a French business."),
        Field("vat_id", Text(), is_later=True, description="VAT number of a payee that is subject to VAT."),
        Field(
            "tax_country",
            CountryCode(),
            is_later=True,
            description="Country in which the payee is resident for tax, as two letters (ISO 3166-1).",
        ),
        Field(
            "contact_email",
            Text(),
            is_later=True,
            description="Address for mail about payments, if it is not the artist's own.",
        ),
    ),
)
