"""The access store: one SQLite file with accounts, invitations, sessions, grants, failed attempts and the audit log.

This module has its path, schema and transactions. The other modules of this package define what the rows mean.
"""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings

FILE_NAME: Final = "access.sqlite3"
_BUSY_TIMEOUT_S: Final = 5.0

# One script per version: a store of version n has run the first n scripts. Times are whole seconds since 1970, UTC.
_MIGRATIONS: Final = (
    """
    create table secrets (
        name text primary key,
        value blob not null
    ) strict;

    create table accounts (
        account_id text primary key,
        email text not null unique collate nocase,
        password_hash text not null,
        created_at integer not null,
        password_set_at integer not null
    ) strict;

    create table invitations (
        token_hash blob primary key,
        email text not null collate nocase,
        role text not null check (role in ('artist', 'management', 'finance')),
        artist_ids text not null,
        created_by text not null,
        created_at integer not null,
        expires_at integer not null,
        used_at integer,
        withdrawn_at integer
    ) strict;

    create table grants (
        issuer text not null,
        subject text not null,
        name text not null,
        role text not null check (role in ('artist', 'management', 'finance')),
        created_by text not null,
        created_at integer not null,
        primary key (issuer, subject)
    ) strict;

    create table grant_artists (
        issuer text not null,
        subject text not null,
        artist_id text not null,
        primary key (issuer, subject, artist_id),
        foreign key (issuer, subject) references grants (issuer, subject) on delete cascade
    ) strict;

    create table sessions (
        token_hash blob primary key,
        reference text not null unique,
        issuer text not null,
        subject text not null,
        address text not null,
        created_at integer not null,
        seen_at integer not null,
        expires_at integer not null,
        ended_at integer
    ) strict;
    create index sessions_of_subjects on sessions (issuer, subject);

    create table failed_attempts (
        scope text not null check (scope in ('account', 'address')),
        key_hash blob not null,
        attempts integer not null,
        last_at integer not null,
        locked_until integer not null,
        primary key (scope, key_hash)
    ) strict;

    create table oidc_flows (
        state_hash blob primary key,
        browser_hash blob not null,
        nonce text not null,
        code_verifier text not null,
        return_to text not null,
        invitation_hash blob,
        expires_at integer not null
    ) strict;

    create table audit_events (
        event_id integer primary key autoincrement,
        happened_at integer not null,
        event text not null,
        issuer text,
        subject text,
        address text,
        details text not null
    ) strict;
    create trigger audit_events_are_never_changed before update on audit_events
    begin
        select raise(abort, 'the audit log is append-only');
    end;
    create trigger audit_events_are_never_deleted before delete on audit_events
    begin
        select raise(abort, 'the audit log is append-only');
    end;
    """,
    # SQLite cannot change a check of an existing table, so the tables are recreated to add the operator role.
    """
    create table invitations_of_2 (
        token_hash blob primary key,
        email text not null collate nocase,
        role text not null check (role in ('artist', 'management', 'finance', 'operator')),
        artist_ids text not null,
        created_by text not null,
        created_at integer not null,
        expires_at integer not null,
        used_at integer,
        withdrawn_at integer
    ) strict;
    insert into invitations_of_2 select
        token_hash, email, role, artist_ids, created_by, created_at, expires_at, used_at, withdrawn_at
    from invitations;
    drop table invitations;
    alter table invitations_of_2 rename to invitations;

    create table grants_of_2 (
        issuer text not null,
        subject text not null,
        name text not null,
        role text not null check (role in ('artist', 'management', 'finance', 'operator')),
        created_by text not null,
        created_at integer not null,
        primary key (issuer, subject)
    ) strict;
    insert into grants_of_2 select issuer, subject, name, role, created_by, created_at from grants;
    create table grant_artists_of_2 (
        issuer text not null,
        subject text not null,
        artist_id text not null,
        primary key (issuer, subject, artist_id),
        foreign key (issuer, subject) references grants_of_2 (issuer, subject) on delete cascade
    ) strict;
    insert into grant_artists_of_2 select issuer, subject, artist_id from grant_artists;
    drop table grant_artists;
    drop table grants;
    alter table grants_of_2 rename to grants;
    alter table grant_artists_of_2 rename to grant_artists;

    alter table sessions add column invitation_hash blob;
    create index failed_attempts_by_age on failed_attempts (last_at);

    create table audit_counts (
        day integer not null,
        kind text not null,
        of text not null,
        written integer not null default 0,
        left_out integer not null default 0,
        primary key (day, kind, of)
    ) strict;
    """,
)


class StoreError(RuntimeError):
    """The access store cannot be used by this version."""


class Store:
    """Short transactions on the access store, each on its own connection, so any thread or process can use it."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._clock = clock
        self._key: bytes | None = None
        self._create()

    def now(self) -> int:
        """Return the current time as stored: whole seconds since 1970, UTC."""
        return int(self._clock())

    @property
    def form_key(self) -> bytes:
        """The key for form tokens. It is in the store, so that open forms still work after a restart."""
        if self._key is None:
            with self.reading() as connection:
                (self._key,) = connection.execute("select value from secrets where name = 'forms'").fetchone()
        assert self._key is not None  # noqa: S101 - for the type checker: the row was written with the schema
        return self._key

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for reads."""
        connection = self._connect()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in its own transaction: committed at the end, rolled back on an error."""
        connection = self._connect()
        try:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma foreign_keys = on")
        return connection

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        # Create the file before SQLite opens it: SQLite copies its mode to the -wal and -shm files.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        with self.reading() as connection:
            version = _version(connection)
            if version == len(_MIGRATIONS):
                return
            if version > len(_MIGRATIONS):
                raise StoreError(
                    f"The access store {self.path} has version {version}; expected at most {len(_MIGRATIONS)}. "
                    "It was written by a newer release: use that release, or move the file away to start from scratch."
                )
            connection.execute("pragma journal_mode = wal")
        with self.writing() as connection:
            for script in _MIGRATIONS[_version(connection) :]:
                for statement in _statements(script):
                    connection.execute(statement)
            connection.execute(f"pragma user_version = {len(_MIGRATIONS)}")
            connection.execute(
                "insert into secrets (name, value) values ('forms', ?) on conflict do nothing",
                (secrets.token_bytes(32),),
            )


def open_store(settings: Settings) -> Store:
    """Return the access store of a data home, creating it if it is missing."""
    return _store(settings.access_dir / FILE_NAME)


@cache
def _store(path: Path) -> Store:
    return Store(path)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    # Not `executescript`: it would commit the transaction that these statements belong to.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
