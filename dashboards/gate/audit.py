"""The audit log of access: who signed in, was let in or kept out, looked as whom, took which file. Append-only."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dashboards.access import Principal, require_platform
from dashboards.gate.store import Store


class Event(StrEnum):
    """What is worth a line."""

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


@dataclass(frozen=True)
class AuditLine:
    """A line of the audit log."""

    event_id: int
    happened_at: datetime
    event: str
    issuer: str | None
    subject: str | None
    address: str | None
    details: dict[str, object]


def record(
    store: Store,
    event: Event,
    *,
    who: tuple[str, str] | Principal | None = None,
    address: str | None = None,
    **details: object,
) -> None:
    """Append a line in a transaction of its own. `who` is a principal, or issuer and subject."""
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
    """Append a line in the caller's transaction, so that a deed and its line are written together or not at all."""
    issuer, subject = (who.issuer, who.subject) if isinstance(who, Principal) else who or (None, None)
    connection.execute(
        "insert into audit_events (happened_at, event, issuer, subject, address, details) values (?, ?, ?, ?, ?, ?)",
        (store.now(), event, issuer, subject, address, json.dumps(details, ensure_ascii=False, sort_keys=True)),
    )


def record_view_as(store: Store, principal: Principal, artist_id: str) -> None:
    """Record that somebody of the platform looks at an artist's pages; once for each time the artist is chosen.

    Raises:
        AccessDeniedError: The principal is an artist.
    """
    require_platform(principal)
    record(store, Event.VIEWED_AS, who=principal, artist_id=artist_id)


def lines(store: Store, *, limit: int = 100) -> list[AuditLine]:
    """Return the latest lines, the newest first."""
    with store.reading() as connection:
        rows = connection.execute("select * from audit_events order by event_id desc limit ?", (limit,)).fetchall()
    return [
        AuditLine(
            event_id=row["event_id"],
            happened_at=datetime.fromtimestamp(row["happened_at"], UTC),
            event=row["event"],
            issuer=row["issuer"],
            subject=row["subject"],
            address=row["address"],
            details=json.loads(row["details"]),
        )
        for row in rows
    ]
