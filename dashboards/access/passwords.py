"""Passwords: the rules for a new one, and how they are stored (argon2id)."""

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 200

# OWASP's second choice (19 MiB, two passes): about 20 ms here, and 50 simultaneous sign-ins stay under 1 GiB.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_MIN_DISTINCT: Final = 5
_MIN_NAME: Final = 4

# A sign-in to an unknown account is checked against this hash, so that it takes as long as one to a known account.
_NOBODYS_HASH: Final = _HASHER.hash("nobody's password")


def weakness(password: str, *, email: str) -> str | None:
    """Return why a password is refused (`too_short`, `too_long`, `too_plain`, `is_email`), or None if it is fine."""
    normal = _normal(password)
    if len(normal) < MIN_LENGTH:
        return "too_short"
    if len(normal) > MAX_LENGTH:
        return "too_long"
    plain = normal.casefold()
    name = email.casefold().partition("@")[0]
    if plain == email.casefold() or (len(name) >= _MIN_NAME and plain.replace(name, "").strip("0123456789") == ""):
        return "is_email"
    if len(set(plain)) < _MIN_DISTINCT:
        return "too_plain"
    return None


def hash_password(password: str) -> str:
    """Return the argon2id hash, including its salt and parameters."""
    return _HASHER.hash(_normal(password))


def is_password(stored_hash: str | None, password: str) -> bool:
    """Return whether the password matches. Without an account (None) it takes as long and returns False."""
    try:
        return _HASHER.verify(stored_hash or _NOBODYS_HASH, _normal(password)) and stored_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    # Two keyboards can encode the same letters differently; both must give the same password.
    return unicodedata.normalize("NFKC", password)
