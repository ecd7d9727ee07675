"""An artist, with their bank details and address."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Day, Id, Instant, Text

CONTRACT = Contract(
    record_type="artists",
    fields=(
        Field("artist_id", Id(), required=True),
        Field("name", Text(), required=True),
        Field("email", Text()),
        Field("iban", Text()),
        Field("bic", Text()),
        Field("street", Text()),
        Field("postcode", Text()),
        Field("town", Text()),
        Field("country", Text()),
        Field("left_on", Day()),
        Field("updated_at", Instant()),
    ),
)
