"""A catalogue item: a live, or a documentary, clip or studio recording."""

from allive.ingestion.contracts.contract import Contract, Field
from allive.ingestion.contracts.fields import Boolean, Choice, Day, Id, Instant, Seconds, Text

CONTRACT = Contract(
    record_type="lives",
    fields=(
        Field("live_id", Id(), required=True, description="Id of the catalogue item; the latest record of an id wins."),
        Field("title", Text(), required=True, description="Title, as it is shown."),
        Field(
            "kind",
            Choice(("live", "documentary", "clip", "studio")),
            required=True,
            description="Kind of the item; only a live can count.",
        ),
        Field(
            "exclusive",
            Boolean(),
            required=True,
            description="True if the item is exclusive to the platform; only then it can count.",
        ),
        Field(
            "duration_s",
            Seconds(),
            required=True,
            description="Duration in seconds; decimals after the third are cut off.",
        ),
        Field("published_on", Day(), description="Day from which the item is online, in Paris; missing means always."),
        Field("recorded_on", Day(), description="Day on which it was recorded, in Paris."),
        Field("venue", Text(), description="Place at which it was recorded."),
        Field("city", Text(), description="City of that place."),
        Field("genre", Text(), description="Genre of the music."),
        Field(
            "updated_at",
            Instant(),
            description="Instant of this state of the record: the latest one wins; missing counts as the oldest.",
        ),
    ),
)
