# ruff: noqa: RUF009 - the fields of the table below are declared by calls
"""What a landed line must be: the six record types, and the reasons for which a line is rejected.

The classes below are INTERFACES.md's table, field by field and in its order, because that order
decides which reason applies first and which of two tied records wins. Instants are whole
milliseconds since 1970 (UTC), days are dates in Europe/Paris.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
LONGEST_PERIOD_DAYS = 35

Parser = Callable[[Any], Any]


class NotAValue(ValueError):  # noqa: N818 - the reason of a reject, not an error of the program
    """The text cannot be read as what the field holds."""


def paris_day(instant_ms: int) -> date:
    """The day in Europe/Paris on which an instant falls."""
    return (EPOCH + timedelta(milliseconds=instant_ms)).astimezone(PARIS).date()


def text(value: Any) -> str:
    """Ids are text: "a number is taken as its digits"."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NotAValue


_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)")


def instant(value: Any) -> int:
    """ISO 8601 "with `Z` or an offset (without one: rejected)", truncated to the millisecond."""
    if isinstance(value, str):
        if not _INSTANT.fullmatch(value):
            raise NotAValue
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotAValue
    return (value - EPOCH) // timedelta(milliseconds=1)


def day(value: Any) -> date:
    """Dates are ISO, "or an instant, whose Paris day counts"."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return date.fromisoformat(value)
    return paris_day(instant(value))


def boolean(value: Any) -> bool:
    """Booleans are "true/false/1/0"."""
    match str(value).lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise NotAValue


def number(value: Any) -> Decimal:
    """A finite decimal number, exactly as written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise NotAValue
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", written := str(value)):
        raise NotAValue
    return Decimal(written)


def integer(low: int, high: int | None = None) -> Parser:
    """A whole number within bounds."""

    def parse(value: Any) -> int:
        found = number(value)
        if found != int(found) or found < low or (high is not None and found > high):
            raise NotAValue
        return int(found)

    return parse


def number_from(low: int, *, exclusive: bool = False) -> Parser:
    """A decimal number from `low` on, or above it."""

    def parse(value: Any) -> Decimal:
        found = number(value)
        if found < low or (exclusive and found == low):
            raise NotAValue
        return found

    return parse


def position(value: Any) -> int:
    """Positions: "whole ms (`position_s` x 1000, rounded)"."""
    return int((number_from(0)(value) * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def one_of(*allowed: str) -> Parser:
    """A closed list."""

    def parse(value: Any) -> str:
        if value not in allowed:
            raise NotAValue
        return value

    return parse


def one_of_or_unknown(*allowed: str) -> Parser:
    """A closed list of an optional field: "an unknown value becomes null with a warning"."""
    return lambda value: value if value in allowed else None


def required(parse: Parser) -> Any:
    """A field in bold."""
    return field(metadata={"parse": parse, "required": True})


def optional(parse: Parser, *, landed_as: str | None = None) -> Any:
    """A field that may be missing; `landed_as` is its name in the file where that differs."""
    return field(default=None, metadata={"parse": parse, "required": False, "landed_as": landed_as})


@dataclass(frozen=True)
class Heartbeat:
    event_id: str = required(text)
    playback_id: str = required(text)
    subscriber_id: str = required(text)
    live_id: str = required(text)
    event_at: int = required(instant)
    state: str = required(one_of("playing", "paused", "buffering", "seeking", "ended"))
    received_at: int | None = optional(instant)
    sequence: int | None = optional(integer(0))
    position_ms: int | None = optional(position, landed_as="position_s")
    playback_rate: Decimal | None = optional(number_from(0, exclusive=True))
    device: str | None = optional(one_of_or_unknown("web", "ios", "android", "tv", "other"))
    surface: str | None = optional(
        one_of_or_unknown("home", "search", "artist", "category", "recommendation", "external")
    )

    def broken_rule(self, loaded_at: int) -> str | None:
        """`in_future`, `too_late` or `too_old`, the first that applies."""
        received_at = self.event_at if self.received_at is None else self.received_at
        if self.event_at > received_at + 10 * MINUTE_MS or self.event_at > loaded_at + DAY_MS:
            return "in_future"
        if received_at > self.event_at + 35 * DAY_MS:
            return "too_late"
        if self.event_at < instant("2015-01-01T00:00:00Z"):
            return "too_old"
        return None


@dataclass(frozen=True)
class Subscription:
    period_id: str = required(text)
    subscriber_id: str = required(text)
    period_start: date = required(day)
    period_end: date = required(day)
    status: str = required(one_of("paid", "refunded", "void"))
    updated_at: int = required(instant)
    plan_id: str | None = optional(text)
    price_cents: int | None = optional(integer(0))
    envelope_cents: int | None = optional(integer(0))

    @property
    def last_day(self) -> date:
        """`period_end` - 1 day, which decides the settlement month."""
        return self.period_end - timedelta(days=1)

    def broken_rule(self, _loaded_at: int) -> str | None:
        """`too_old`, `period_order`, `period_too_long` or `envelope_above_price`, the first that applies."""
        if self.last_day < date(2015, 1, 1):
            return "too_old"
        if self.period_end <= self.period_start:
            return "period_order"
        if (self.period_end - self.period_start).days > LONGEST_PERIOD_DAYS:
            return "period_too_long"
        priced = self.price_cents is not None and self.envelope_cents is not None
        if priced and self.envelope_cents > self.price_cents:
            return "envelope_above_price"
        return None


@dataclass(frozen=True)
class Artist:
    artist_id: str = required(text)
    name: str = required(text)
    email: str | None = optional(text)
    iban: str | None = optional(text)
    bic: str | None = optional(text)
    street: str | None = optional(text)
    postcode: str | None = optional(text)
    town: str | None = optional(text)
    country: str | None = optional(text)
    left_on: date | None = optional(day)
    updated_at: int | None = optional(instant)


@dataclass(frozen=True)
class CategoryChange:
    artist_id: str = required(text)
    category: str = required(one_of("emerging", "independent", "known"))
    valid_from: date = required(day)
    is_deleted: bool | None = optional(boolean)
    updated_at: int | None = optional(instant)


@dataclass(frozen=True)
class Live:
    live_id: str = required(text)
    title: str = required(text)
    kind: str = required(one_of("live", "documentary", "clip", "studio"))
    exclusive: bool = required(boolean)
    duration_s: Decimal = required(number_from(0))
    published_on: date | None = optional(day)
    recorded_on: date | None = optional(day)
    venue: str | None = optional(text)
    city: str | None = optional(text)
    genre: str | None = optional(text)
    updated_at: int | None = optional(instant)


@dataclass(frozen=True)
class Credit:
    live_id: str = required(text)
    artist_id: str = required(text)
    share_bp: int = required(integer(1, 10_000))
    updated_at: int | None = optional(instant)


RECORD_CLASSES: dict[str, type] = {
    "heartbeats": Heartbeat,
    "subscriptions": Subscription,
    "artists": Artist,
    "artist_categories": CategoryChange,
    "lives": Live,
    "live_credits": Credit,
}


def judge(record_type: str, values: dict[str, Any] | None, *, loaded_at: int) -> Any:
    """The record, or the reason for which it is rejected (a plain string): "the first that applies".

    `malformed`, then every `missing_<field>`, then every `bad_<field>`, then the rules between fields.
    """
    if values is None:
        return "malformed"
    record_class = RECORD_CLASSES[record_type]
    columns = [(_landed_name(column), column) for column in fields(record_class)]
    for name, column in columns:
        if column.metadata["required"] and values.get(name) in (None, ""):
            return f"missing_{name}"
    typed = {}
    for name, column in columns:
        if values.get(name) in (None, ""):
            continue
        try:
            typed[column.name] = column.metadata["parse"](values[name])
        except (ValueError, OverflowError, ArithmeticError, TypeError):
            return f"bad_{name}"
    record = record_class(**typed)
    broken_rule = getattr(record, "broken_rule", None)
    return (broken_rule(loaded_at) if broken_rule else None) or record


def _landed_name(column: Any) -> str:
    return column.metadata.get("landed_as") or column.name


def content_order(record: Any) -> tuple[Any, ...]:
    """The key by which "the greatest content (typed, in this table's column order, null smallest)"."""
    values = (getattr(record, column.name) for column in fields(record))
    return tuple((value is not None, value if value is not None else 0) for value in values)
