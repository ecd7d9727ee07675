"""An artist's share of a live, in basis points."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Id, Instant, Integer

CONTRACT = Contract(
    record_type="live_credits",
    fields=(
        Field("live_id", Id(), required=True),
        Field("artist_id", Id(), required=True),
        Field("share_bp", Integer(minimum=1, maximum=10_000), required=True),
        Field("updated_at", Instant()),
    ),
)
