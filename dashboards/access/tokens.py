"""Tokens: secrets handed out once and stored only as their SHA-256."""

import hashlib
import secrets
from typing import Final

_BYTES: Final = 32


def new_token() -> str:
    """Return 256 random bits, safe in URLs and cookies."""
    return secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> bytes:
    """Return a token's SHA-256: the only form in which it is stored, because it cannot be reversed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
