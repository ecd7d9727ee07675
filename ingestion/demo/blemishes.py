"""Heartbeats that must be rejected: one broken line for each fault that a player or a network can cause."""

import datetime as dt
import json
from collections.abc import Callable

from allive.ingestion.demo.record_files import Record


def _shifted(instant: object, days: int) -> str:
    """Move an instant written as ISO text by whole days."""
    moved = dt.datetime.fromisoformat(str(instant)) + dt.timedelta(days=days)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_CHANGES: tuple[tuple[str, Callable[[Record], Record]], ...] = (
    ("missing_live_id", lambda _: {"live_id": None}),
    ("missing_subscriber_id", lambda _: {"subscriber_id": ""}),
    ("missing_playback_id", lambda _: {"playback_id": None}),
    ("missing_event_at", lambda _: {"event_at": None}),
    ("missing_state", lambda _: {"state": None}),
    ("bad_event_at", lambda record: {"event_at": str(record["event_at"]).removesuffix("Z")}),
    ("bad_event_at", lambda _: {"event_at": "hier soir"}),
    ("bad_event_at", lambda record: {"event_at": str(record["event_at"]).replace("-", "/")}),
    ("bad_playback_id", lambda _: {"playback_id": "4711.0"}),
    ("bad_subscriber_id", lambda _: {"subscriber_id": 1234.0}),
    ("bad_live_id", lambda _: {"live_id": "12.00"}),
    ("bad_state", lambda _: {"state": 3}),
    ("in_future", lambda record: {"event_at": _shifted(record["event_at"], 1)}),
    ("too_late", lambda record: {"event_at": _shifted(record["event_at"], -40)}),
    ("too_old", lambda _: {"event_at": "1970-01-01T00:03:12.000Z", "received_at": None}),
)

KINDS = 2 + len(_CHANGES)
"""How many kinds of broken heartbeats there are."""


def break_heartbeat(kind: int, record: Record) -> tuple[str, str]:
    """Return a broken copy of a heartbeat as an NDJSON line, and the reason for its rejection.

    Kind 0 is truncated in the middle, and kind 1 is not JSON at all.
    """
    if kind == 0:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return line[: len(line) * 2 // 3], "malformed"
    if kind == 1:
        return "<html><body>502 Bad Gateway</body></html>", "malformed"
    reason, change = _CHANGES[kind - 2]
    broken = {**record, "event_id": f"{record['event_id']}-x", **change(record)}
    return json.dumps(broken, ensure_ascii=False, separators=(",", ":")), reason
