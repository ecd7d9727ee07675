"""Secrets that are handed out once and kept only as their SHA-256."""

import hashlib
import secrets
from typing import Final

_BYTES: Final = 32


def new_token() -> str:
    """Return 256 random bits, fit for a URL and a cookie."""
    return secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: its SHA-256, from which nobody comes back to it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
