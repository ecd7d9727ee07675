"""The access audit log: sign-ins, grants, refusals, views of an artist's pages, files read. Append-only.

Events that outsiders can repeat at will, such as a refused sign-in, have a limit per day, for each outsider and for all
of them together. Lines above the limit are counted, and the count becomes a line when the day is over.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from allive.dashboards.access.lockout import network_of
from allive.dashboards.access.principal import Principal, require_platform
from allive.dashboards.access.store import Store


class Event(StrEnum):
    """The events that are logged."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_LOCKED = "sign_in_locked"
    SIGNED_OUT = "signed_out"
    INVITED = "invited"
    INVITATION_USED = "invitation_used"
    INVITATION_REFUSED = "invitation_refused"
    GRANTED = "granted"
    GRANT_REVOKED = "grant_revoked"
    SESSIONS_ENDED = "sessions_ended"
    VIEWED_AS = "viewed_as"
    STATEMENT_READ = "statement_read"
    STATEMENT_REFUSED = "statement_refused"
    EXPORTED = "exported"
    EXPORT_REFUSED = "export_refused"
    DATA_DOCS_READ = "data_docs_read"
    DATA_DOCS_REFUSED = "data_docs_refused"
    OPERATED = "operated"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    LEFT_OUT = "left_out"
    """How many lines of a kind were left out on a day."""


@dataclass(frozen=True)
class Bound:
    """How many lines are written per day: for one address or subject, and for all of them together."""

    of_one: int
    of_all: int


STRANGERS: Final = Bound(of_one=20, of_all=200)
SUBJECTS: Final = Bound(of_one=500, of_all=20_000)
BOUNDS: Final[Mapping[Event, Bound]] = {
    Event.SIGN_IN_REFUSED: STRANGERS,
    Event.SIGN_IN_LOCKED: STRANGERS,
    Event.INVITATION_REFUSED: STRANGERS,
    Event.SIGNED_IN: SUBJECTS,
    Event.SIGNED_OUT: SUBJECTS,
    Event.VIEWED_AS: SUBJECTS,
    Event.STATEMENT_READ: SUBJECTS,
    Event.STATEMENT_REFUSED: SUBJECTS,
    Event.EXPORTED: SUBJECTS,
    Event.EXPORT_REFUSED: SUBJECTS,
    Event.DATA_DOCS_READ: SUBJECTS,
    Event.DATA_DOCS_REFUSED: SUBJECTS,
    Event.OPERATED: SUBJECTS,
}
"""Limits for everything that outsiders can repeat. Commands by the operator have no limit."""

_DAY_S: Final = 24 * 3600
_ALL: Final = ""


def record(
    store: Store,
    event: Event,
    *,
    who: tuple[str, str] | Principal | None = None,
    address: str | None = None,
    **details: object,
) -> None:
    """Append a line in its own transaction. `who` is a principal, or issuer and subject."""
    with store.writing() as connection:
        append(store, connection, event, who=who, address=address, **details)


def append(
    store: Store,
    connection: sqlite3.Connection,
    event: Event,
    *,
    who: tuple[str, str] | Principal | None = None,
    address: str | None = None,
    **details: object,
) -> None:
    """Append a line in the caller's transaction, so that a change and its line are written together or not at all.

    Above the event's limit the line is only counted.
    """
    issuer, subject = (who.issuer, who.subject) if isinstance(who, Principal) else who or (None, None)
    if event in BOUNDS:
        # Refusals of existing accounts have their own limit, so that guesses at other names cannot use it up.
        kind = event.value if subject is None else f"{event.value} of a subject"
        one = f"{issuer} {subject}" if subject is not None else network_of(address or "")
        if not _may_write(store, connection, kind=kind, one=one, bound=BOUNDS[event]):
            return
    _write(store, connection, event, issuer=issuer, subject=subject, address=address, details=details)


def _may_write(store: Store, connection: sqlite3.Connection, *, kind: str, one: str, bound: Bound) -> bool:
    today = store.now() // _DAY_S
    _close_days_before(store, connection, today)
    written: dict[str, int] = {
        row["of"]: row["written"]
        for row in connection.execute(
            "select of, written from audit_counts where day = ? and kind = ? and of in (?, ?)",
            (today, kind, _ALL, f"={one}"),
        )
    }
    may_write = written.get(_ALL, 0) < bound.of_all and written.get(f"={one}", 0) < bound.of_one
    # No row for an address once the limit for all is reached: strangers can have any number of addresses.
    for of in (_ALL, f"={one}") if may_write else (_ALL,):
        connection.execute(
            "insert into audit_counts (day, kind, of, written, left_out) values (?, ?, ?, ?, ?) on conflict do update "
            "set written = written + excluded.written, left_out = left_out + excluded.left_out",
            (today, kind, of, int(may_write), int(not may_write)),
        )
    return may_write


def _close_days_before(store: Store, connection: sqlite3.Connection, today: int) -> None:
    rows = connection.execute(
        "select day, kind, left_out from audit_counts where day < ? and left_out > 0 order by day, kind", (today,)
    ).fetchall()
    for row in rows:
        day = datetime.fromtimestamp(row["day"] * _DAY_S, UTC).date().isoformat()
        _write(store, connection, Event.LEFT_OUT, details={"of": row["kind"], "day": day, "lines": row["left_out"]})
    connection.execute("delete from audit_counts where day < ?", (today,))


def _write(
    store: Store,
    connection: sqlite3.Connection,
    event: Event,
    *,
    issuer: str | None = None,
    subject: str | None = None,
    address: str | None = None,
    details: Mapping[str, object],
) -> None:
    connection.execute(
        "insert into audit_events (happened_at, event, issuer, subject, address, details) values (?, ?, ?, ?, ?, ?)",
        (store.now(), event, issuer, subject, address, json.dumps(details, ensure_ascii=False, sort_keys=True)),
    )


def record_view_as(store: Store, principal: Principal, artist_id: str) -> None:
    """Record that a platform user views an artist's pages, once each time they choose the artist.

    Raises:
        AccessDeniedError: The principal is an artist.
    """
    require_platform(principal)
    record(store, Event.VIEWED_AS, who=principal, artist_id=artist_id)
