"""Lines that must be rejected, one for every reason of INTERFACES.md, each with its reason."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.worlds.clock import LATER, paris_midnight, written

Row = dict[str, Any]
REQUIRED = {
    "heartbeats": ("event_id", "playback_id", "subscriber_id", "live_id", "event_at", "state"),
    "subscriptions": (
        "period_id",
        "subscriber_id",
        "period_start",
        "period_end",
        "status",
        "updated_at",
    ),
    "artists": ("artist_id", "name"),
    "artist_categories": ("artist_id", "category", "valid_from"),
    "lives": ("live_id", "title", "kind", "exclusive", "duration_s"),
    "live_credits": ("live_id", "artist_id", "share_bp"),
}
BAD_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "heartbeats": {
        "event_at": ("yesterday", "2021-02-30T10:00:00Z", "2021-02-03T10:00:00", "2021-02-03"),
    },
    "subscriptions": {
        "period_start": ("2021-13-01", "2021-02-03T10:00:00", "01/02/2021"),
        "period_end": ("2021-02-29",),
        "status": ("unpaid", "payé"),
        "updated_at": ("2021-02-03",),
        "price_cents": (-1, "4.99"),
        "envelope_cents": (-1, "one"),
        "currency": ("USD", "jpy"),
        "refunded_cents": (-1, "all"),
    },
    "artists": {
        "left_on": ("gone",),
        "updated_at": ("2021-02-03T10:00:00",),
        "siren": ("732829321", "73282932", "SIREN 732829320"),
    },
    "artist_categories": {
        "category": ("famous",),
        "valid_from": ("always",),
        "is_deleted": ("maybe", 2),
        "updated_at": ("x",),
    },
    "lives": {
        "kind": ("concert",),
        "exclusive": ("oui", 2),
        "duration_s": ("long", -1),
        "published_on": ("2021-02-30",),
        "recorded_on": ("2021",),
        "updated_at": ("x",),
    },
    "live_credits": {"share_bp": (0, 10_001, -5, "half"), "updated_at": ("x",)},
}
SPREADSHEET_IDS = {"playback_id": "123.0", "subscriber_id": " 7.00", "live_id": "0.0\u200b"}
MALFORMED_JSON = ("{not json", "[1,2,3]", "null", '"text"', '{"event_id": "x"', "{} {}", "42")


@dataclass(frozen=True)
class Broken:
    """A record that must be rejected with `reason`; without `row` the line itself is malformed."""

    reason: str
    row: Row | None


def broken_lines(rng: random.Random, record_type: str, good: Row) -> list[Broken]:
    """One broken line for every reason of a record type, made from a good record.

    A broken line often breaks several rules: the reason is the first that applies.
    """
    required = REQUIRED[record_type]
    lines = [Broken("malformed", None)]
    lines += [Broken(f"missing_{name}", good | {name: rng.choice((None, ""))}) for name in required]
    lines.append(Broken(f"missing_{required[1]}", good | {required[1]: None, required[-1]: None}))
    for name, values in BAD_VALUES[record_type].items():
        lines.append(Broken(f"bad_{name}", good | {name: rng.choice(values)}))
    lines += _broken_between_fields(record_type, good)
    return lines


def _broken_between_fields(record_type: str, good: Row) -> list[Broken]:
    at = paris_midnight(LATER)
    if record_type == "heartbeats":
        beat = good | {"event_at": written(at)}
        behind = timedelta(minutes=10, milliseconds=1)
        late = timedelta(days=35, milliseconds=1)
        return [
            Broken("in_future", beat | {"received_at": written(at - behind)}),
            Broken("in_future", good | {"event_at": "2999-01-01T00:00:00Z", "received_at": None}),
            Broken("too_late", beat | {"received_at": written(at + late)}),
            Broken("too_old", good | {"event_at": "2014-06-01T12:00:00Z", "received_at": None}),
            Broken("in_future", good | {"sequence": "x", "event_at": "2999-01-01T00:00:00.000Z"}),
            *(Broken(f"bad_{name}", good | {name: value}) for name, value in SPREADSHEET_IDS.items() if name in good),
        ]
    if record_type == "subscriptions":
        priced = good | {"price_cents": 499, "envelope_cents": 500}
        one = {"period_start": LATER.isoformat()}
        backwards = priced | one | {"period_end": LATER.isoformat()}
        too_long = priced | one | {"period_end": (LATER + timedelta(days=36)).isoformat()}
        return [
            Broken("period_order", backwards),
            Broken("period_too_long", too_long),
            Broken("envelope_above_price", priced),
            Broken("refund_without_price", good | {"price_cents": None, "refunded_cents": 1}),
            _updated_in_future(good),
        ]
    return [_updated_in_future(good)]


def _updated_in_future(good: Row) -> Broken:
    """A mistyped date in the future, which no later record could ever correct."""
    return Broken("in_future", good | {"updated_at": "2062-02-05T08:00:00Z"})
