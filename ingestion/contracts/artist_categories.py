"""A change of an artist's category, valid from a given day."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Boolean, Choice, Day, Id, Instant

CONTRACT = Contract(
    record_type="artist_categories",
    fields=(
        Field("artist_id", Id(), required=True),
        Field("category", Choice(("emerging", "independent", "known")), required=True),
        Field("valid_from", Day(), required=True),
        Field("is_deleted", Boolean()),
        Field("updated_at", Instant()),
    ),
)
