"""A change of an artist's category, valid from a given day."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Boolean, Choice, Day, Id, Instant

CONTRACT = Contract(
    record_type="artist_categories",
    fields=(
        Field("artist_id", Id(), required=True, description="Artist whose category it is."),
        Field(
            "category",
            Choice(("emerging", "independent", "known")),
            required=True,
            description="Category from that day on.",
        ),
        Field(
            "valid_from",
            Day(),
            required=True,
            description="First day of the category, in Paris; the latest record of an artist and day wins.",
        ),
        Field(
            "is_deleted",
            Boolean(),
            description="True if the change of category never happened: the earlier one applies.",
        ),
        Field(
            "updated_at",
            Instant(),
            description="Instant of this state of the record: the latest one wins; missing counts as the oldest.",
        ),
    ),
)
