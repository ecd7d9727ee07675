"""Sessions: who is signed in. They are stored on the server, so they can be ended there.

The browser holds 256 random bits; the store holds their SHA-256. A session ends after 30 minutes without activity,
after 12 hours at most, at sign-out, or when an operator or an accepted invitation ends it.
"""

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from allive.dashboards.access.audit import Event, append
from allive.dashboards.access.store import Store
from allive.dashboards.access.tokens import new_token, token_hash

IDLE_S: Final = 30 * 60
ABSOLUTE_S: Final = 12 * 3600
_TOUCH_EVERY_S: Final = 15
_KEPT_S: Final = 7 * 24 * 3600
MOST_OF_A_SUBJECT: Final = 50
"""Limit on the sessions of one subject: one more sign-in ends and deletes the oldest."""

_LIVE: Final = "ended_at is null and expires_at > :now and seen_at > :now - :idle"


@dataclass(frozen=True)
class Session:
    """A live session. `reference` identifies it inside the server and gives no access."""

    reference: str
    issuer: str
    subject: str
    seen_at: int
    invitation_hash: bytes | None = None
    """The invitation that was opened before signing in with a provider and is still to be accepted."""


def open_session(
    store: Store, *, issuer: str, subject: str, address: str, method: str, invitation_hash: bytes | None = None
) -> str:
    """Sign a subject in and return a new token for the browser. Always new, to prevent session fixation."""
    token = new_token()
    now = store.now()
    with store.writing() as connection:
        connection.execute(
            "insert into sessions (token_hash, reference, issuer, subject, address, created_at, seen_at, expires_at, "
            "invitation_hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(token_hash(token), secrets.token_hex(16), issuer, subject, address),
                *(now, now, now + ABSOLUTE_S, invitation_hash),
            ),
        )
        connection.execute(
            "delete from sessions where issuer = ? and subject = ? and reference not in (select reference "
            "from sessions where issuer = ? and subject = ? order by created_at desc, rowid desc limit ?)",
            (issuer, subject, issuer, subject, MOST_OF_A_SUBJECT),
        )
        connection.execute("delete from sessions where expires_at < ?", (now - _KEPT_S,))
        append(store, connection, Event.SIGNED_IN, who=(issuer, subject), address=address, method=method)
    return token


def find_session(store: Store, token: str) -> Session | None:
    """Return the live session for a token."""
    return _one(store, "token_hash = :key", token_hash(token))


def session_of(store: Store, reference: str) -> Session | None:
    """Return the live session for a reference."""
    return _one(store, "reference = :key", reference)


def touch(store: Store, session: Session) -> None:
    """Record activity, which restarts the idle timeout. Written at most every 15 seconds."""
    now = store.now()
    if now - session.seen_at < _TOUCH_EVERY_S:
        return
    with store.writing() as connection:
        connection.execute(
            f"update sessions set seen_at = :now where reference = :key and {_LIVE}",
            {"now": now, "idle": IDLE_S, "key": session.reference},
        )


def live_references(store: Store, references: Iterable[str]) -> set[str]:
    """Return the references whose session is still live."""
    asked = set(references)
    with store.reading() as connection:
        rows = connection.execute(
            f"select reference from sessions where {_LIVE}", {"now": store.now(), "idle": IDLE_S}
        ).fetchall()
    return asked & {row["reference"] for row in rows}


def end_session(store: Store, session: Session, *, address: str) -> None:
    """End a session at sign-out."""
    with store.writing() as connection:
        connection.execute(
            "update sessions set ended_at = ? where reference = ? and ended_at is null",
            (store.now(), session.reference),
        )
        append(store, connection, Event.SIGNED_OUT, who=(session.issuer, session.subject), address=address)


def end_in(store: Store, connection: sqlite3.Connection, *, issuer: str, subject: str, by: str) -> int:
    """End every session of a subject in the caller's transaction and return how many were live."""
    ended = connection.execute(
        f"update sessions set ended_at = :now where issuer = :issuer and subject = :subject and {_LIVE}",
        {"now": store.now(), "idle": IDLE_S, "issuer": issuer, "subject": subject},
    ).rowcount
    if ended:
        append(store, connection, Event.SESSIONS_ENDED, who=(issuer, subject), by=by, sessions=ended)
    return ended


def _one(store: Store, condition: str, key: str | bytes) -> Session | None:
    with store.reading() as connection:
        row = connection.execute(
            f"select reference, issuer, subject, seen_at, invitation_hash from sessions where {condition} and {_LIVE}",
            {"key": key, "now": store.now(), "idle": IDLE_S},
        ).fetchone()
    return Session(**dict(row)) if row else None
