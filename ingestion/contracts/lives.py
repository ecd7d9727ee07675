"""A catalogue item: a live, or a documentary, clip or studio recording."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Boolean, Choice, Day, Id, Instant, Seconds, Text

CONTRACT = Contract(
    record_type="lives",
    fields=(
        Field("live_id", Id(), required=True),
        Field("title", Text(), required=True),
        Field("kind", Choice(("live", "documentary", "clip", "studio")), required=True),
        Field("exclusive", Boolean(), required=True),
        Field("duration_s", Seconds(), required=True),
        Field("published_on", Day()),
        Field("recorded_on", Day()),
        Field("venue", Text()),
        Field("city", Text()),
        Field("genre", Text()),
        Field("updated_at", Instant()),
    ),
)
