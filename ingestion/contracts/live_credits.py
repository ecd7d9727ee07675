"""An artist's share of a live, in basis points."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Id, Instant, Integer

CONTRACT = Contract(
    record_type="live_credits",
    fields=(
        Field(
            "live_id",
            Id(),
            required=True,
            description="Catalogue item that is credited; its newest set of credits replaces the older ones.",
        ),
        Field("artist_id", Id(), required=True, description="Credited artist."),
        Field(
            "share_bp",
            Integer(minimum=1, maximum=10_000),
            required=True,
            description="The artist's share in basis points; the shares of an item sum to 10,000.",
        ),
        Field(
            "updated_at",
            Instant(),
            description="Instant of the set of credits: the newest set of an item wins; missing counts as the oldest.",
        ),
    ),
)
