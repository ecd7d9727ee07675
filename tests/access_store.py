"""Changes to the access store, and readings of it, that only tests need."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from allive.dashboards.access.grants import delete_grant
from allive.dashboards.access.sessions import end_in
from allive.dashboards.access.store import Store


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


def audit_lines(store: Store, *, limit: int = 100) -> list[AuditLine]:
    """The latest lines, the newest first."""
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


def left_out(store: Store) -> dict[str, int]:
    """How many lines of each kind were left out and are not in the log as a count yet."""
    with store.reading() as connection:
        rows = connection.execute(
            "select kind, sum(left_out) as lines from audit_counts where left_out > 0 group by kind"
        ).fetchall()
    return {row["kind"]: row["lines"] for row in rows}


def revoke_grant(store: Store, *, issuer: str, subject: str, by: str) -> bool:
    """Revoke a grant and leave the sessions, and return whether there was one."""
    with store.writing() as connection:
        return delete_grant(store, connection, issuer=issuer, subject=subject, by=by)


def end_sessions_of(store: Store, *, issuer: str, subject: str, by: str) -> int:
    """End every session of a subject, leave the grant, and return how many were live."""
    with store.writing() as connection:
        return end_in(store, connection, issuer=issuer, subject=subject, by=by)
