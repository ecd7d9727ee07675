"""Subscribers' pseudonyms in closed months: HMAC-SHA256 of the id under a key that never leaves the data home.

Without the key no one can derive a subscriber from a pseudonym, or try ids until one matches. With the key, the same
subscriber has the same pseudonym in every month.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings

PSEUDONYM_SQL: Final = "substr(sha256($outer_pad || unhex(sha256($inner_pad || encode(subscriber_id)))), 1, 32)"
"""HMAC-SHA256 (RFC 2104) of `subscriber_id` in DuckDB, its first 128 bits in hex."""

_BLOCK_BYTES: Final = hashlib.sha256().block_size


def pads(settings: Settings) -> dict[str, bytes]:
    """Return the parameters of `PSEUDONYM_SQL`: the key, padded as in RFC 2104."""
    key = _key(settings)
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return {
        "inner_pad": bytes(byte ^ 0x36 for byte in block),
        "outer_pad": bytes(byte ^ 0x5C for byte in block),
    }


def drop_half_made_key(settings: Settings) -> None:
    """Delete the temporary key file that a crash during the creation of the key left behind."""
    _aside(_key_path(settings)).unlink(missing_ok=True)


def _key_path(settings: Settings) -> Path:
    return settings.payouts_dir / ".pseudonym.key"


def _aside(path: Path) -> Path:
    return path.with_suffix(".part")


def _key(settings: Settings) -> bytes:
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    path = _key_path(settings)
    if not path.exists():
        _create_key(path)
    return path.read_text(encoding="ascii").strip().encode()


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
