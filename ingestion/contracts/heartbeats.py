"""A heartbeat: what a player reports about every 10 s, and at each change of state."""

from allive.ingestion.contracts.contract import DAY_MS, Contract, Field, RowRule
from allive.ingestion.contracts.fields import Choice, Id, Instant, Integer, Label, Milliseconds, Rate
from allive.ingestion.paris_days import paris_day_of_recent

_MINUTES_AHEAD_MS = 10 * 60 * 1000

CONTRACT = Contract(
    record_type="heartbeats",
    fields=(
        Field("event_id", Id(), required=True),
        Field("playback_id", Id(), required=True),
        Field("subscriber_id", Id(), required=True),
        Field("live_id", Id(), required=True),
        Field("event_at", Instant(), required=True),
        Field(
            "state",
            Choice(("playing", "paused", "buffering", "seeking", "ended"), other="other"),
            required=True,
        ),
        Field("received_at", Instant(), default="event_at"),
        Field("sequence", Integer()),
        Field("position_s", Milliseconds(), column="position_ms"),
        Field("playback_rate", Rate()),
        Field("device", Choice(("web", "ios", "android", "tv", "other"))),
        Field(
            "surface",
            Choice(("home", "search", "artist", "category", "recommendation", "external")),
        ),
        Field("app_version", Label(longest=64), is_later=True),
    ),
    own_rules=(
        RowRule(
            "in_future",
            f"epoch_ms(event_at) > epoch_ms(received_at) + {_MINUTES_AHEAD_MS} "
            f"or epoch_ms(event_at) > loaded_ms + {DAY_MS}",
        ),
        RowRule("too_late", f"epoch_ms(received_at) > epoch_ms(event_at) + {35 * DAY_MS}"),
        RowRule("too_old", "event_day < date '2015-01-01'"),
    ),
    # If a pause were rejected, the heartbeat before it would earn up to 30 s (RULES.md §3.1).
    keeps_odd_records=True,
    derived=(("event_day", "DATE", paris_day_of_recent("event_at")),),
    partition_column="event_day",
)
