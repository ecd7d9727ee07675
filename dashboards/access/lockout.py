"""Failed sign-ins and the growing wait they cause, per account and per address."""

import hashlib
import hmac
import ipaddress
import sqlite3
from typing import Final

from allive.dashboards.access.store import Store

# The owner of an account mistypes a few times; an address can be a whole office.
FREE_ATTEMPTS: Final = {"account": 5, "address": 20}
FIRST_WAIT_S: Final = 30
LONGEST_WAIT_S: Final = 15 * 60
FORGOTTEN_AFTER_S: Final = 24 * 3600
MOST_KEPT: Final = 50_000
"""Limit on the accounts and addresses stored with failures. Above it, unlocked ones are deleted first, oldest first."""


def wait_after(attempts: int, scope: str) -> int:
    """Return for how many seconds so many failures lock: 0 at first, then 30 s, doubling up to 15 minutes.

    >>> [wait_after(n, "account") for n in (1, 4, 5, 6, 7, 10, 99)]
    [0, 0, 30, 60, 120, 900, 900]
    """
    beyond = attempts - FREE_ATTEMPTS[scope]
    if beyond < 0:
        return 0
    return int(min(FIRST_WAIT_S * 2 ** min(beyond, 10), LONGEST_WAIT_S))


def begin_attempt(store: Store, *, account: str, address: str) -> int:
    """Count an attempt and return 0, or return the seconds to wait and count nothing.

    It counts before the password is checked, in one transaction, so that parallel guesses cannot get past the count.
    The account is counted whether it exists or not, so that a lock does not reveal which accounts exist.
    """
    now = store.now()
    keys = _keys(store, account=account, address=address)
    with store.writing() as connection:
        waits = [_locked_until(connection, scope, key) - now for scope, key in keys]
        if max(waits) > 0:
            return max(waits)
        for scope, key in keys:
            _count(connection, scope, key, now=now)
        _forget(connection, now=now)
    return 0


def succeed(store: Store, *, account: str, address: str) -> None:
    """Undo the count after a success: reset the account's failures, and take this attempt off the address's."""
    (_, account_key), (_, address_key) = _keys(store, account=account, address=address)
    with store.writing() as connection:
        connection.execute("delete from failed_attempts where scope = 'account' and key_hash = ?", (account_key,))
        connection.execute(
            "update failed_attempts set attempts = attempts - 1, locked_until = 0 "
            "where scope = 'address' and key_hash = ? and attempts > 0",
            (address_key,),
        )


def _keys(store: Store, *, account: str, address: str) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    def key(text: str) -> bytes:
        return hmac.new(store.form_key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    return ("account", key(account.strip().casefold())), ("address", key(network_of(address)))


def network_of(address: str) -> str:
    """Return the network that counts as one client: the IPv4 address, or the IPv6 /64 that a household gets."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))  # noqa: PLR2004 - IPv4


def _locked_until(connection: sqlite3.Connection, scope: str, key: bytes) -> int:
    row = connection.execute(
        "select locked_until from failed_attempts where scope = ? and key_hash = ?", (scope, key)
    ).fetchone()
    return int(row["locked_until"]) if row else 0


def _forget(connection: sqlite3.Connection, *, now: int) -> None:
    """Delete expired rows, and rows above `MOST_KEPT`, so that made-up accounts and addresses cannot fill the disk."""
    connection.execute("delete from failed_attempts where last_at <= ?", (now - FORGOTTEN_AFTER_S,))
    (kept,) = connection.execute("select count(*) from failed_attempts").fetchone()
    if kept > MOST_KEPT:
        connection.execute(
            "delete from failed_attempts where rowid in "
            "(select rowid from failed_attempts order by locked_until > ?, attempts, last_at limit ?)",
            (now, kept - MOST_KEPT),
        )


def _count(connection: sqlite3.Connection, scope: str, key: bytes, *, now: int) -> None:
    row = connection.execute(
        "select attempts, last_at from failed_attempts where scope = ? and key_hash = ?", (scope, key)
    ).fetchone()
    before = row["attempts"] if row and now - row["last_at"] < FORGOTTEN_AFTER_S else 0
    connection.execute(
        "insert into failed_attempts (scope, key_hash, attempts, last_at, locked_until) values (?, ?, ?, ?, ?) "
        "on conflict (scope, key_hash) do update set attempts = excluded.attempts, last_at = excluded.last_at, "
        "locked_until = excluded.locked_until",
        (scope, key, before + 1, now, now + wait_after(before + 1, scope)),
    )
