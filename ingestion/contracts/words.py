"""Explains rejects: the fields concerned, what was expected, what to do. The rest comes from the contracts."""

from typing import Final

from allive.ingestion.contracts.contract import Contract

UNREADABLE: Final = "unreadable"
MALFORMED: Final = "malformed"
_MISSING, _BAD = "missing_", "bad_"
_RULES: Final = {
    "in_future": (
        ("event_at", "received_at", "updated_at"),
        "an event at most 10 minutes after it was received, and no instant more than a day after the load",
        "correct the time if it is known; the sender's clock runs ahead",
    ),
    "too_late": (
        ("event_at", "received_at"),
        "received at most 35 days after the event",
        "correct the wrong time; a record that is really older cannot be loaded",
    ),
    "too_old": (
        ("event_at", "period_end"),
        "2015 or later",
        "correct the date: it is from before the platform began",
    ),
    "period_order": (
        ("period_start", "period_end"),
        "an end after the start",
        "correct the dates; the end is the first day that is not paid for",
    ),
    "period_too_long": (
        ("period_start", "period_end"),
        "at most 35 days from start to end",
        "correct the dates; deliver a yearly plan as monthly periods",
    ),
    "envelope_above_price": (
        ("envelope_cents", "price_cents"),
        "an envelope that is not above the price",
        "correct the amounts, in cents",
    ),
    "refund_without_price": (
        ("refunded_cents", "price_cents"),
        "a price, because a part of it was refunded",
        "add the price, in cents",
    ),
}
# The fields that identify a record, by record type. A later record with the same values answers a reject.
_IDENTITY: Final = {
    "heartbeats": ("event_id",),
    "subscriptions": ("period_id",),
    "artists": ("artist_id",),
    "artist_categories": ("artist_id", "valid_from"),
    "lives": ("live_id",),
    "live_credits": ("live_id", "artist_id"),
}


def identity_of(contract: Contract) -> tuple[str, ...]:
    """The fields that identify a record."""
    return _IDENTITY[contract.record_type]


def fields_of(contract: Contract, reason: str) -> tuple[str, ...]:
    """The fields that a reason is about; empty if it is about the whole line.

    >>> from allive.ingestion.contracts import CONTRACTS
    >>> fields_of(CONTRACTS["heartbeats"], "too_late"), fields_of(CONTRACTS["lives"], "bad_kind")
    (('event_at', 'received_at'), ('kind',))
    """
    if reason in _RULES:
        return tuple(name for name in _RULES[reason][0] if name in contract.field_names)
    for prefix in (_MISSING, _BAD):
        if (name := reason.removeprefix(prefix)) != reason and name in contract.field_names:
            return (name,)
    return ()


def expected_of(contract: Contract, reason: str) -> str:
    """The expected value, in words."""
    if reason in _RULES:
        return _RULES[reason][1]
    if reason == UNREADABLE:
        return "a complete file in the format that its name indicates"
    if reason == MALFORMED:
        return "a line in UTF-8: one JSON object, or as many cells as the header has, with every quote closed"
    (name,) = fields_of(contract, reason)
    (field,) = (field for field in contract.fields if field.name == name)
    return field.type.expected


def advice_of(reason: str) -> str:
    """The advice on how to correct a reject."""
    if reason in _RULES:
        return _RULES[reason][2]
    if reason == UNREADABLE:
        return "deliver the complete file again"
    if reason == MALFORMED:
        return "correct the line; it might have been cut or joined with another"
    return "add the value" if reason.startswith(_MISSING) else "correct the value"
