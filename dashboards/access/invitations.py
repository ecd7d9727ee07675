"""Invitations: a link that lets one person in, once, within seven days. Opening it does not use it up."""

import json
import re
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from allive.dashboards.access.audit import Event, append
from allive.dashboards.access.grants import LOCAL_ISSUER, find_grant, require_artists_fit, write_grant
from allive.dashboards.access.passwords import hash_password
from allive.dashboards.access.principal import Principal, Role
from allive.dashboards.access.store import Store
from allive.dashboards.access.tokens import new_token, token_hash

VALID_S: Final = 7 * 24 * 3600
_EMAIL: Final = re.compile(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]{1,190}")


@dataclass(frozen=True)
class Invitation:
    """An invitation that can still be used."""

    email: str
    role: Role
    artist_ids: tuple[str, ...]
    expires_at: datetime
    created_by: str


class InvitationError(ValueError):
    """The link is not, or no longer, valid."""


def invite(store: Store, *, email: str, role: Role, artist_ids: tuple[str, ...] = (), by: str) -> str:
    """Create an invitation and return its token, which is not stored. An earlier one to the address is withdrawn.

    If the address has an account, the link sets a new password and a new grant.

    Raises:
        ValueError: Not an address, or artists that do not match the role.
    """
    email = email.strip()
    if not _EMAIL.fullmatch(email):
        raise ValueError(f"Found {email!r}; expected an e-mail address, such as mina@example.org.")
    require_artists_fit(role, artist_ids)
    token = new_token()
    now = store.now()
    artists = sorted(set(artist_ids))
    with store.writing() as connection:
        connection.execute(
            "update invitations set withdrawn_at = ? where email = ? and used_at is null and withdrawn_at is null",
            (now, email),
        )
        connection.execute(
            "insert into invitations (token_hash, email, role, artist_ids, created_by, created_at, expires_at) "
            "values (?, ?, ?, ?, ?, ?, ?)",
            (token_hash(token), email, role, json.dumps(artists), by, now, now + VALID_S),
        )
        append(store, connection, Event.INVITED, by=by, email=email, role=role, artist_ids=artists)
    return token


def find_invitation(store: Store, token: str) -> Invitation | None:
    """Return the invitation for a link, if it can still be used."""
    with store.reading() as connection:
        row = _usable(connection, token_hash(token), now=store.now())
    return _invitation(row) if row else None


def invitation_of(store: Store, invitation_hash: bytes | None) -> Invitation | None:
    """Return the invitation that a session has still to accept, if it can still be used."""
    if invitation_hash is None:
        return None
    with store.reading() as connection:
        row = _usable(connection, invitation_hash, now=store.now())
    return _invitation(row) if row else None


def open_invitations(store: Store) -> list[Invitation]:
    """Return the invitations that can still be used, ordered by address."""
    with store.reading() as connection:
        rows = connection.execute(
            "select * from invitations where used_at is null and withdrawn_at is null and expires_at > ? "
            "order by email, created_at",
            (store.now(),),
        ).fetchall()
    return [_invitation(row) for row in rows]


def withdraw_invitations(store: Store, email: str, *, by: str) -> int:
    """Withdraw the open invitations to an address and return how many."""
    with store.writing() as connection:
        return withdraw_in(store, connection, [email], by=by)


def withdraw_in(store: Store, connection: sqlite3.Connection, emails: Iterable[str], *, by: str) -> int:
    """Withdraw the open invitations to addresses in the caller's transaction and return how many."""
    withdrawn = 0
    for email in sorted({email.strip().casefold() for email in emails}):
        found = connection.execute(
            "update invitations set withdrawn_at = ? where email = ? and used_at is null and withdrawn_at is null "
            "and expires_at > ?",
            (store.now(), email, store.now()),
        ).rowcount
        if found:
            append(store, connection, Event.INVITATION_WITHDRAWN, by=by, email=email, invitations=found)
        withdrawn += found
    return withdrawn


def grant_of_account(store: Store, email: str) -> Principal | None:
    """Return the current grant of an address's account, which an invitation to the address would replace."""
    with store.reading() as connection:
        row = connection.execute("select account_id from accounts where email = ?", (email.strip(),)).fetchone()
    return find_grant(store, issuer=LOCAL_ISSUER, subject=row["account_id"]) if row else None


def accept_with_password(store: Store, token: str, password: str, *, address: str) -> str:
    """Accept an invitation: set the password, write the grant, end older sessions; return the account's id.

    Raises:
        InvitationError: The invitation was used or withdrawn or has expired in the meantime.
    """
    password_hash = hash_password(password)
    now = store.now()
    with store.writing() as connection:
        row = _use_up(store, connection, token_hash(token))
        found = connection.execute("select account_id from accounts where email = ?", (row["email"],)).fetchone()
        account_id = found["account_id"] if found else uuid.uuid4().hex
        connection.execute(
            "insert into accounts (account_id, email, password_hash, created_at, password_set_at) "
            "values (?, ?, ?, ?, ?) on conflict (account_id) do update set "
            "password_hash = excluded.password_hash, password_set_at = excluded.password_set_at",
            (account_id, row["email"], password_hash, now, now),
        )
        _grant(store, connection, row, issuer=LOCAL_ISSUER, subject=account_id, address=address)
    return str(account_id)


def accept_as_subject(store: Store, invitation_hash: bytes, *, issuer: str, subject: str, address: str) -> None:
    """Accept an invitation as a subject authenticated by an OpenID provider; the grant goes to issuer and subject.

    Raises:
        InvitationError: The invitation was used or withdrawn or has expired in the meantime.
    """
    with store.writing() as connection:
        row = _use_up(store, connection, invitation_hash)
        _grant(store, connection, row, issuer=issuer, subject=subject, address=address)


def _use_up(store: Store, connection: sqlite3.Connection, invitation_hash: bytes) -> sqlite3.Row:
    row = _usable(connection, invitation_hash, now=store.now())
    if row is None:
        raise InvitationError("Found a used, withdrawn or expired invitation; expected a fresh one: ask for another.")
    connection.execute("update invitations set used_at = ? where token_hash = ?", (store.now(), invitation_hash))
    return row


def _grant(
    store: Store, connection: sqlite3.Connection, row: sqlite3.Row, *, issuer: str, subject: str, address: str
) -> None:
    invitation = _invitation(row)
    who = (issuer, subject)
    connection.execute(
        "update sessions set ended_at = ? where issuer = ? and subject = ? and ended_at is null", (store.now(), *who)
    )
    append(store, connection, Event.INVITATION_USED, who=who, address=address, email=invitation.email)
    principal = Principal(
        issuer=issuer,
        subject=subject,
        name=invitation.email,
        role=invitation.role,
        artist_ids=invitation.artist_ids,
    )
    write_grant(store, connection, principal, by=row["created_by"])


def _usable(connection: sqlite3.Connection, invitation_hash: bytes, *, now: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "select * from invitations where token_hash = ? and used_at is null and withdrawn_at is null "
        "and expires_at > ?",
        (invitation_hash, now),
    ).fetchone()
    return row


def _invitation(row: sqlite3.Row) -> Invitation:
    return Invitation(
        email=row["email"],
        role=Role(row["role"]),
        artist_ids=tuple(json.loads(row["artist_ids"])),
        expires_at=datetime.fromtimestamp(row["expires_at"], UTC),
        created_by=row["created_by"],
    )
