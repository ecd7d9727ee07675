"""Pseudonyms of closed months (docs/adr/0034): HMAC-SHA256 under the key, its first 128 bits in hex."""

import hmac

KEY = "tests"
"""The key of most data homes of the tests."""


def pseudonym(subscriber_id: str, key: str = KEY) -> str:
    """A subscriber's pseudonym."""
    return _digits(key, subscriber_id.encode())


def period_pseudonym(period_id: str, key: str = KEY) -> str:
    """A period's pseudonym: of its id after the byte FF, which is in no text, the word and a zero."""
    return _digits(key, b"\xffperiod\0" + period_id.encode())


def check_value(key: str = KEY) -> str:
    """The value by which a month recognises its key."""
    return _digits(key, b"\xffkey\0")


def _digits(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, "sha256").hexdigest()[:32]
