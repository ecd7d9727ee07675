"""Grants: what a subject may see. Keyed by the issuer and its subject, never by e-mail address."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from allive.dashboards.access.audit import Event, append
from allive.dashboards.access.principal import AccessDeniedError, Principal, Role
from allive.dashboards.access.sessions import session_of
from allive.dashboards.access.store import Store

LOCAL_ISSUER: Final = "allive"
"""The issuer of local accounts; their subject is the account's id."""


@dataclass(frozen=True)
class Grant:
    """A grant, when it was made, and by whom."""

    principal: Principal
    created_at: datetime
    created_by: str


def find_grant(store: Store, *, issuer: str, subject: str) -> Principal | None:
    """Return the subject's current grant."""
    with store.reading() as connection:
        row = connection.execute("select * from grants where issuer = ? and subject = ?", (issuer, subject)).fetchone()
        return _principal(connection, row) if row else None


def principal_of_session(store: Store, reference: str) -> Principal:
    """Return the principal of a session, read from the store on each call.

    Raises:
        AccessDeniedError: The session has ended, or the subject no longer has a grant.
    """
    session = session_of(store, reference)
    if session is None:
        raise AccessDeniedError("The session has ended.")
    principal = find_grant(store, issuer=session.issuer, subject=session.subject)
    if principal is None:
        raise AccessDeniedError("This subject has no grant.")
    return principal


def put_grant(store: Store, principal: Principal, *, by: str) -> None:
    """Grant a role, replacing the subject's previous grant.

    Raises:
        ValueError: The role artist without an artist, or another role with one.
    """
    with store.writing() as connection:
        write_grant(store, connection, principal, by=by)


def write_grant(store: Store, connection: sqlite3.Connection, principal: Principal, *, by: str) -> None:
    """Grant a role in the caller's transaction (see `put_grant`)."""
    require_artists_fit(principal.role, principal.artist_ids)
    who = (principal.issuer, principal.subject)
    connection.execute("delete from grants where issuer = ? and subject = ?", who)
    connection.execute(
        "insert into grants (issuer, subject, name, role, created_by, created_at) values (?, ?, ?, ?, ?, ?)",
        (*who, principal.name, principal.role, by, store.now()),
    )
    connection.executemany(
        "insert into grant_artists (issuer, subject, artist_id) values (?, ?, ?)",
        [(*who, artist_id) for artist_id in sorted(set(principal.artist_ids))],
    )
    append(
        store,
        connection,
        Event.GRANTED,
        who=who,
        by=by,
        name=principal.name,
        role=principal.role,
        artist_ids=sorted(set(principal.artist_ids)),
    )


def delete_grant(store: Store, connection: sqlite3.Connection, *, issuer: str, subject: str, by: str) -> bool:
    """Revoke a subject's grant in the caller's transaction and return whether there was one.

    The caller ends the sessions.
    """
    found = connection.execute("delete from grants where issuer = ? and subject = ?", (issuer, subject)).rowcount
    if found:
        append(store, connection, Event.GRANT_REVOKED, who=(issuer, subject), by=by)
    return bool(found)


def list_grants(store: Store) -> list[Grant]:
    """Return every grant, ordered by role and name."""
    with store.reading() as connection:
        rows = connection.execute("select * from grants order by role, name, issuer, subject").fetchall()
        return [
            Grant(_principal(connection, row), datetime.fromtimestamp(row["created_at"], UTC), row["created_by"])
            for row in rows
        ]


def require_artists_fit(role: Role, artist_ids: tuple[str, ...]) -> None:
    """Check that the role artist comes with artists, and any other role without.

    Raises:
        ValueError: The role artist without an artist, or another role with one.
    """
    if role is Role.ARTIST and not artist_ids:
        raise ValueError("Found no artist; expected at least one for the role artist: name them with --artist ID.")
    if role is not Role.ARTIST and artist_ids:
        raise ValueError(f"Found artists for the role {role}; expected none: {role} sees every artist.")


def _principal(connection: sqlite3.Connection, row: sqlite3.Row) -> Principal:
    artists = connection.execute(
        "select artist_id from grant_artists where issuer = ? and subject = ? order by artist_id",
        (row["issuer"], row["subject"]),
    ).fetchall()
    return Principal(
        issuer=row["issuer"],
        subject=row["subject"],
        name=row["name"],
        role=Role(row["role"]),
        artist_ids=tuple(artist["artist_id"] for artist in artists),
    )
