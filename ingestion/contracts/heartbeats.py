"""A heartbeat: what a player reports about every 10 s, and at each change of state."""

from allive.ingestion.contracts.contract import DAY_MS, Contract, Field, RowRule
from allive.ingestion.contracts.fields import Choice, Id, Instant, Integer, Label, Milliseconds, Rate
from allive.ingestion.paris_days import paris_day_of_recent

_MINUTES_AHEAD_MS = 10 * 60 * 1000

CONTRACT = Contract(
    record_type="heartbeats",
    fields=(
        Field(
            "event_id",
            Id(),
            required=True,
            description="Id of the heartbeat, for people: a redelivery has the same one. No money depends on it.",
        ),
        Field("playback_id", Id(), required=True, description="Id of the playback, one run of one player."),
        Field("subscriber_id", Id(), required=True, description="Subscriber who watches."),
        Field("live_id", Id(), required=True, description="Catalogue item that is watched."),
        Field(
            "event_at",
            Instant(),
            required=True,
            description="Instant of the heartbeat on the player's clock, kept to the millisecond.",
        ),
        Field(
            "state",
            Choice(("playing", "paused", "buffering", "seeking", "ended"), other="other"),
            required=True,
            description="State of the player from this instant on; another word becomes `other`, which earns nothing.",
        ),
        Field(
            "received_at",
            Instant(),
            default="event_at",
            description="Instant at which the heartbeat was received; `event_at` if it is missing.",
        ),
        Field(
            "sequence", Integer(), description="Order within an instant, as counted by the player; 0 if it is missing."
        ),
        Field("position_s", Milliseconds(), column="position_ms", description="Position in the live, in seconds."),
        Field(
            "playback_rate", Rate(), description="Speed of playback, 1 for normal; watch time does not depend on it."
        ),
        Field("device", Choice(("web", "ios", "android", "tv", "other")), description="Kind of device."),
        Field(
            "surface",
            Choice(("home", "search", "artist", "category", "recommendation", "external")),
            description="Where the play was started.",
        ),
        Field("app_version", Label(longest=64), is_later=True, description="Version of the player, as it reports it."),
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
