"""A heartbeat: what a player reports about every 10 s, and at each change of state."""

from ingestion.contracts.contract import DAY_MS, Contract, Field, RowRule
from ingestion.contracts.fields import Choice, Id, Instant, Integer, Label, Milliseconds, Rate

_MINUTES_AHEAD_MS = 10 * 60 * 1000

# The Paris day. Since 1976 Paris has been one or two hours ahead of UTC, so the day depends on daylight saving time
# only between 22:00 and 23:00 UTC. Calling ICU only then is exact and much cheaper.
_EVENT_DAY = f"""case
    when (epoch_ms(event_at) // 3600000) % 24 = 22
        then cast(timezone('Europe/Paris', event_at) as date)
    else date '1970-01-01' + cast((epoch_ms(event_at) + 3600000) // {DAY_MS} as integer)
end"""

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
    derived=(("event_day", "DATE", _EVENT_DAY),),
    partition_column="event_day",
)
