"""The artists and subscribers of the two years, and the rows that land in an ordinary month."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from tests.oracle.settlement import months_later
from tests.worlds.catalogue import french_iban

Records = list[tuple[str, dict[str, Any]]]
"""Landed records, each with its type."""

LONG_AGO: Final = "2019-06-01T08:00:00Z"
BEAT_S: Final = 30
"""Seconds between heartbeats; a gap of this length counts in full (RULES.md §3)."""

ARTISTS: Final = {
    "alba": ("Alba & l'Été", "emerging"),
    "brume": ("Brume", "emerging"),
    "corail": ("Corail Noir", "independent"),
    "dune": ("Dune", "independent"),
    "echo": ("L'Écho, trio", "emerging"),
    "fjord": ("Fjord", "independent"),
    "givre": ("Givre", "emerging"),
    "houle": ("Houle", "known"),
}
WITHOUT_IBAN: Final = "fjord"
DUO: Final = "duo"
"""The live of Alba and Brume together; each artist's own live has the artist's name."""


@dataclass(frozen=True)
class Subscriber:
    """A subscriber who pays for a period each month and watches the same lives on the tenth of the month.

    Attributes:
        minutes: Minutes watched of each live per month.
        cents: The envelope of each payment.
        first: The first month with a period that begins in it.
        last: The last such month.
        renews_on: The day of the month on which periods begin.
    """

    minutes: Mapping[str, int] = field(default_factory=dict)
    cents: int = 100
    first: str = "2020-07"
    last: str = "2022-06"
    renews_on: int = 1


PATRON_CENTS: Final = 2_500
REGULARS: Final = ("lou", "max", "nina", "omar", "paul", "quentin")
"""Subscribers who take turns at uploading late and at being refunded after the close."""
SUBSCRIBERS: Final = {
    "lou": Subscriber({"alba": 2}),
    "max": Subscriber({"brume": 1}),
    "nina": Subscriber({"corail": 1}),
    "omar": Subscriber({"dune": 1}),
    "paul": Subscriber({"echo": 2}),
    "quentin": Subscriber({"houle": 1}),
    "rose": Subscriber({"givre": 1}),
    "tess": Subscriber(),
    "vera": Subscriber({"alba": 3, "fjord": 3, "givre": 1}, cents=PATRON_CENTS),
    "will": Subscriber({"corail": 1}, cents=PATRON_CENTS, last="2021-02"),
    "xena": Subscriber({"corail": 1}, cents=PATRON_CENTS, first="2021-05"),
    "yann": Subscriber({DUO: 1}, first="2020-06", renews_on=15),
    "zoe": Subscriber({"dune": 1}, cents=PATRON_CENTS, first="2021-07", last="2021-07"),
}


def everything_at_the_beginning() -> Records:
    """The artists with their categories, and their lives with their credits."""
    records: Records = []
    for name, (_, category) in ARTISTS.items():
        records += artist(name) + categorised(name, category, since="2019-06-01")
        records += _live(name) + credited(name, {name: 10_000}, updated_at=LONG_AGO)
    return records + _live(DUO) + credited(DUO, {"alba": 6_000, "brume": 4_000}, updated_at=LONG_AGO)


def ordinary_month(month: str) -> Records:
    """The periods and heartbeats of a month's subscribers."""
    records: Records = []
    for name, subscriber in SUBSCRIBERS.items():
        if subscriber.first <= month <= subscriber.last:
            records += period(name, month)
            records += [beat for live in subscriber.minutes for beat in watching(name, live, on=f"{month}-10")]
    return records


def artist(name: str, /, *, updated_at: str | None = LONG_AGO, **changes: Any) -> Records:
    """An artist's record; all but Fjord come with an IBAN."""
    row = {
        "artist_id": f"art-{name}",
        "name": ARTISTS[name][0],
        "iban": None if name == WITHOUT_IBAN else iban(name),
        "town": "Sète",
        "country": "FR",
        "updated_at": updated_at,
    }
    return [("artists", row | changes)]


def iban(seed: str, *, is_valid: bool = True) -> str:
    """An IBAN that belongs to no one."""
    return french_iban(Random(seed), is_valid=is_valid)


def categorised(name: str, category: str, *, since: str, **changes: Any) -> Records:
    """An artist's category from a day on."""
    row = {"artist_id": f"art-{name}", "category": category, "valid_from": since}
    return [("artist_categories", row | changes)]


def credited(live: str, shares_bp: Mapping[str, int], *, updated_at: str) -> Records:
    """The complete credit set of a live."""
    return [
        ("live_credits", {"live_id": live, "artist_id": f"art-{name}", "share_bp": share_bp, "updated_at": updated_at})
        for name, share_bp in shares_bp.items()
    ]


def _live(live: str) -> Records:
    row = {"live_id": live, "title": f"Nuit {live}", "kind": "live", "exclusive": True, "duration_s": 5_400}
    return [("lives", row | {"published_on": "2019-06-01"})]


def period(name: str, month: str, *, cents: int | None = None, **changes: Any) -> Records:
    """A period that begins in a month, paid on its first day: `<name>-<month>`."""
    subscriber = SUBSCRIBERS.get(name, Subscriber())
    start = f"{month}-{subscriber.renews_on:02}"
    row = {
        "period_id": f"{name}-{month}",
        "subscriber_id": name,
        "period_start": start,
        "period_end": f"{months_later(month, 1)}-{subscriber.renews_on:02}",
        "status": "paid",
        "updated_at": f"{start}T09:00:00Z",
        "price_cents": 499 if subscriber.cents == Subscriber.cents else 4_900,
        "envelope_cents": cents or subscriber.cents,
    }
    return [("subscriptions", row | changes)]


def refund(name: str, month: str, *, on: str | None = None) -> Records:
    """A period's refund, by default on the sixth of the next month."""
    return period(name, month, status="refunded", updated_at=f"{on or f'{months_later(month, 1)}-06'}T09:00:00Z")


def watching(name: str, live: str, *, on: str, minutes: int | None = None) -> Records:
    """The heartbeats of one playback on the evening of a day, by default as long as the subscriber usually watches."""
    minutes = minutes or SUBSCRIBERS[name].minutes[live]
    begins_at = datetime.combine(date.fromisoformat(on), datetime.min.time(), UTC) + timedelta(hours=19)
    playback_id = f"{name}-{live}-{on}"
    beats = minutes * 60 // BEAT_S + 1
    return [
        (
            "heartbeats",
            {
                "event_id": f"{playback_id}-{number}",
                "playback_id": playback_id,
                "subscriber_id": name,
                "live_id": live,
                "event_at": (begins_at + timedelta(seconds=number * BEAT_S)).isoformat(),
                "state": "playing" if number < beats - 1 else "ended",
                "sequence": number,
                "position_s": number * BEAT_S,
            },
        )
        for number in range(beats)
    ]
