"""Pseudonyms in closed months: HMAC-SHA256 of an id under a key that never leaves the data home.

Without the key no one can derive a subscriber or a period from a pseudonym, or try ids until one matches. With the key,
the same subscriber has the same pseudonym in every month, and so has a period: months of format 2 name periods by their
pseudonyms alone. Another key would make periods that are booked look as if they were not, so each of these months
states a check value of its key, and a key without that value is refused (docs/adr/0034).
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.formats import stated_month_format

_HMAC_SQL: Final = "substr(sha256($outer_pad || unhex(sha256({inner_pad} || encode({column})))), 1, 32)"
"""HMAC-SHA256 (RFC 2104) of a text in DuckDB, its first 128 bits in hex."""
SUBSCRIBER_SQL: Final = _HMAC_SQL.format(inner_pad="$inner_pad", column="subscriber_id")
"""The pseudonym of `subscriber_id`; its parameters are those of `subscriber_pads`."""
PERIOD_SQL: Final = _HMAC_SQL.format(inner_pad="$period_pad", column="period_id")
"""The pseudonym of `period_id`; its parameters are those of `period_pads`."""

# The byte FF is in no text in UTF-8: no subscriber's id has the pseudonym of a period, or the check value of the key.
_OF_PERIODS: Final = b"\xffperiod\0"
_OF_THE_KEY: Final = b"\xffkey\0"
_BLOCK_BYTES: Final = hashlib.sha256().block_size
_DIGITS: Final = 32
_PAID_TWICE: Final = (
    "Under another key, periods that are booked are not recognised, and they would be paid a second time. Nothing was "
    "changed."
)
_NO_LONGER_THE_SAME: Final = (
    "Under another key, subscribers have other pseudonyms than in the months so far, and these can no longer be "
    "proven. If the key is lost for good, set ALLIVE_PSEUDONYM_KEY to a new one."
)
_RESTORE: Final = (
    "Restore payouts/.pseudonym.key from a backup or, if the key is a setting, set ALLIVE_PSEUDONYM_KEY as it was."
)


class PseudonymKeyError(Exception):
    """The key of the pseudonyms is lost, empty, or not the one that months were closed with."""


def subscriber_pads(settings: Settings) -> dict[str, bytes]:
    """Return the parameters of `SUBSCRIBER_SQL`: the key, padded as in RFC 2104.

    Raises:
        PseudonymKeyError: The key is lost or empty.
    """
    inner_pad, outer_pad = _pads(_key(settings))
    return {"inner_pad": inner_pad, "outer_pad": outer_pad}


def period_pads(settings: Settings) -> dict[str, bytes]:
    """Return the parameters of `PERIOD_SQL`.

    Raises:
        PseudonymKeyError: The key is lost, empty, or not that of the closed months.
    """
    require_key_of_months(settings)
    inner_pad, outer_pad = _pads(_key(settings))
    return {"period_pad": inner_pad + _OF_PERIODS, "outer_pad": outer_pad}


def names_of_periods(settings: Settings) -> Callable[[str], str]:
    """Return a function from a period's id to its pseudonym.

    Raises:
        PseudonymKeyError: The key is lost, empty, or not that of the closed months.
    """
    require_key_of_months(settings)
    key = _key(settings)
    return lambda period_id: hmac.digest(key, _OF_PERIODS + period_id.encode(), "sha256").hex()[:_DIGITS]


def key_check(settings: Settings) -> str:
    """Return the check value of the key, which a month of format 2 states in its `control.json`.

    Raises:
        PseudonymKeyError: The key is lost or empty.
    """
    return hmac.digest(_key(settings), _OF_THE_KEY, "sha256").hex()[:_DIGITS]


def has_key(settings: Settings) -> bool:
    """Whether there is a key already; the first close of a data home without one makes it."""
    return settings.pseudonym_key is not None or _key_path(settings).exists()


def require_key_of_months(settings: Settings) -> None:
    """Refuse any key but the one that the closed months of format 2 were written with; make none.

    Raises:
        PseudonymKeyError: It is lost, empty or another one, or a month does not state which one it was.
    """
    checks = {
        month: ledger.read_control(settings, month).get(ledger.KEY_CHECK)
        for month in ledger.closed_months(settings)
        if stated_month_format(settings, month) >= ledger.FORMAT_WITH_PERIOD_PSEUDONYMS
    }
    if not checks:
        return
    found = key_check(settings)
    for month, expected in checks.items():
        if expected is None:
            raise PseudonymKeyError(
                f"payouts/{month}/{ledger.CONTROL_FILE}: found no {ledger.KEY_CHECK}, expected the one of the key that "
                f"the month was closed with. Restore the month from a backup of payouts/. {_PAID_TWICE}"
            )
        if found != expected:
            raise PseudonymKeyError(
                f"{_source(settings)}: found a key with check value {found}, expected the key that {month} was closed "
                f"with, {expected}. {_RESTORE} {_PAID_TWICE}"
            )


def require_key(settings: Settings) -> None:
    """Refuse a key that is lost or empty, or not that of the closed months of format 2; make none.

    Raises:
        PseudonymKeyError: It is.
    """
    require_key_of_months(settings)
    if has_key(settings) or ledger.closed_months(settings):
        _key(settings)


def drop_half_made_key(settings: Settings) -> None:
    """Delete the temporary key file that a crash during the creation of the key left behind."""
    _aside(_key_path(settings)).unlink(missing_ok=True)


def _pads(key: bytes) -> tuple[bytes, bytes]:
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _key_path(settings: Settings) -> Path:
    return settings.payouts_dir / ".pseudonym.key"


def _aside(path: Path) -> Path:
    return path.with_suffix(".part")


def _source(settings: Settings) -> str:
    return "payouts/.pseudonym.key" if settings.pseudonym_key is None else "ALLIVE_PSEUDONYM_KEY"


def _lost(settings: Settings, last: str) -> str:
    is_needed = stated_month_format(settings, last) >= ledger.FORMAT_WITH_PERIOD_PSEUDONYMS
    why = _PAID_TWICE if is_needed else _NO_LONGER_THE_SAME
    return (
        f"payouts/.pseudonym.key: found no file, expected the key that months up to {last} were closed with. "
        f"{_RESTORE} {why}"
    )


def _key(settings: Settings) -> bytes:
    if settings.pseudonym_key is not None:
        key = settings.pseudonym_key.get_secret_value().encode()
    else:
        path = _key_path(settings)
        if not path.exists():
            if closed := ledger.closed_months(settings):
                raise PseudonymKeyError(_lost(settings, closed[-1]))
            _create_key(path)
        key = path.read_bytes().strip()
    if not key:
        raise PseudonymKeyError(f"{_source(settings)}: found an empty key, which protects nobody. {_RESTORE}")
    return key


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # link() fails where rename() would replace: if two processes race, the first one's key stays.
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
