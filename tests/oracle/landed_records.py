# ruff: noqa: RUF009 - the fields of the table below are declared by calls
"""The six record types, and the reasons for which a line is rejected.

The classes below are INTERFACES.md's table, field by field and in its order, because that order
decides which reason applies first and which of two tied records wins. Instants are whole
milliseconds since 1970 (UTC), days are dates in Europe/Paris.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pycountry

PARIS = ZoneInfo("Europe/Paris")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
LONGEST_PERIOD_DAYS = 35

Parser = Callable[[Any], Any]


class NotAValue(ValueError):  # noqa: N818 - the reason of a reject, not an error of the program
    """The value cannot be read as the field's type."""


def paris_day(instant_ms: int) -> date:
    """The day in Europe/Paris on which an instant falls."""
    return (EPOCH + timedelta(milliseconds=instant_ms)).astimezone(PARIS).date()


def is_blank(character: str) -> bool:
    """Whether a character is invisible: white space, a control (except NUL), a format character, or a filler."""
    if character == "\0":
        return False
    invisible = unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cc", "Cf"}
    return invisible or character.isspace() or character in "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"


def bare(value: str) -> str:
    """A text without "blanks and invisible characters around"."""
    while value and is_blank(value[0]):
        value = value[1:]
    while value and is_blank(value[-1]):
        value = value[:-1]
    return value


def is_nothing(value: Any) -> bool:
    """Whether a field is missing; a text of blanks alone counts as empty."""
    return value is None or (isinstance(value, str) and not bare(value))


def text(value: Any) -> str:
    """A text, unchanged."""
    if isinstance(value, str) and "\0" not in value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NotAValue


def identifier(value: Any) -> str:
    """Ids are text: "a number is taken as its digits", "digits followed by `.0` … are rejected"."""
    found = bare(text(value))
    before, point, after = found.partition(".")
    if before.removeprefix("-").isdecimal() and point and after and not after.strip("0"):
        raise NotAValue
    return found


def label(value: Any) -> str:
    """A version of an app: a text of at most 64 characters, without surrounding blanks."""
    found = bare(text(value))
    if len(found) > 64:
        raise NotAValue
    return found


def siren_number(value: Any) -> str:
    """A French business's number: nine digits, blanks between them or not, that pass Luhn's check."""
    found = "".join(character for character in text(value) if not is_blank(character))
    if not re.fullmatch(r"[0-9]{9}", found):
        raise NotAValue
    doubled = "".join(str(int(digit) * (2 if place % 2 else 1)) for place, digit in enumerate(found))
    if sum(map(int, doubled)) % 10:
        raise NotAValue
    return found


def country_code(value: Any) -> str | None:
    """A country's code; "optional fields of a closed list with an unknown value become null"."""
    code = bare(value).upper() if isinstance(value, str) else ""
    return code if pycountry.countries.get(alpha_2=code) else None


_TIMES = (
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y%m%dT%H%M%S.%f",
    "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M",
)
_ZONED = re.compile(r"([-0-9]{8,10})[T ]([0-9:]+)([.,][0-9]+)? ?(Z|UTC|([+-])(\d\d):?(\d\d)?)")


def instant(value: Any) -> int:
    """ISO 8601 "with `Z`, `UTC` or an offset (without one: rejected)", extended or basic, cut to the millisecond."""
    if isinstance(value, str):
        parts = _ZONED.fullmatch(bare(value).upper())
        if parts is None:
            raise NotAValue
        days, time, fraction, _, sign, hours, minutes = parts.groups()
        written = f"{days}T{time}" + (f".{fraction[1:7]}" if fraction else "")
        shapes = [shape for shape in _TIMES if _has_shape(written, shape)]
        if not shapes:
            raise NotAValue
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
        value = datetime.strptime(written, shapes[0]).replace(tzinfo=UTC) - offset
        if abs(offset) >= timedelta(hours=19) or int(minutes or 0) >= 60:
            raise NotAValue
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise NotAValue
    return (value - EPOCH) // timedelta(milliseconds=1)


def _has_shape(written: str, shape: str) -> bool:
    """Check the exact shape: Python's parser also accepts one digit for two, and basic days in an extended time."""
    digits = {"%Y": r"\d{4}", "%f": r"\d{1,6}"} | dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), r"\d\d")
    pattern = re.escape(shape).replace("%\\", "%")
    for letter, digit in digits.items():
        pattern = pattern.replace(letter, digit)
    return re.fullmatch(pattern, written) is not None


def day(value: Any) -> date:
    """Dates are ISO, extended or basic, "or an instant, whose Paris day counts"."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    written = bare(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{8}", written):
        return datetime.strptime(written.replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    return paris_day(instant(value))


def boolean(value: Any) -> bool:
    """Booleans are "true/false/1/0"."""
    match bare(str(value)).lower():
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
    if not re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", written := bare(str(value))):
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


def number_from(low: int) -> Parser:
    """A decimal number of at least `low`."""

    def parse(value: Any) -> Decimal:
        found = number(value)
        if found < low:
            raise NotAValue
        return found

    return parse


def position(value: Any) -> int:
    """Positions: "whole ms (`position_s` x 1000, rounded)"."""
    return int((number_from(0)(value) * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def one_of(*allowed: str) -> Parser:
    """A word of a closed list, in upper or lower case."""

    def parse(value: Any) -> str:
        word = bare(value).lower() if isinstance(value, str) else value
        if word not in allowed:
            raise NotAValue
        return word

    return parse


def one_of_or_other(*allowed: str) -> Parser:
    """A state: "any other word becomes `other`"."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or "\0" in value:
            raise NotAValue
        word = bare(value).lower()
        return word if word in allowed else "other"

    return parse


def euros(value: Any) -> str:
    """A currency: "anything but EUR is rejected"."""
    if not isinstance(value, str) or bare(value).upper() != "EUR":
        raise NotAValue
    return "EUR"


def required(parse: Parser) -> Any:
    """A required field, which is bold in INTERFACES.md."""
    return field(metadata={"parse": parse, "required": True})


def optional(parse: Parser, *, landed_as: str | None = None) -> Any:
    """A field that can be missing; `landed_as` is its name in the file if that differs."""
    return field(default=None, metadata={"parse": parse, "required": False, "landed_as": landed_as})


@dataclass(frozen=True)
class Heartbeat:
    event_id: str = required(identifier)
    playback_id: str = required(identifier)
    subscriber_id: str = required(identifier)
    live_id: str = required(identifier)
    event_at: int = required(instant)
    state: str = required(one_of_or_other("playing", "paused", "buffering", "seeking", "ended"))
    received_at: int | None = optional(instant)
    sequence: int | None = optional(integer(0))
    position_ms: int | None = optional(position, landed_as="position_s")
    playback_rate: Decimal | None = optional(number_from(0))
    device: str | None = optional(one_of("web", "ios", "android", "tv", "other"))
    surface: str | None = optional(one_of("home", "search", "artist", "category", "recommendation", "external"))
    app_version: str | None = optional(label)

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
    period_id: str = required(identifier)
    subscriber_id: str = required(identifier)
    period_start: date = required(day)
    period_end: date = required(day)
    status: str = required(one_of("paid", "refunded", "void"))
    updated_at: int = required(instant)
    plan_id: str | None = optional(identifier)
    price_cents: int | None = optional(integer(0))
    envelope_cents: int | None = optional(integer(0))
    currency: str | None = field(default="EUR", metadata={"parse": euros, "required": False})
    refunded_cents: int | None = optional(integer(0))

    @property
    def last_day(self) -> date:
        """`period_end` - 1 day, which decides the settlement month."""
        return self.period_end - timedelta(days=1)

    def broken_rule(self, _loaded_at: int) -> str | None:
        """The first broken rule, in the order below."""
        if self.last_day < date(2015, 1, 1):
            return "too_old"
        if self.period_end <= self.period_start:
            return "period_order"
        if (self.period_end - self.period_start).days > LONGEST_PERIOD_DAYS:
            return "period_too_long"
        priced = self.price_cents is not None and self.envelope_cents is not None
        if priced and self.envelope_cents > self.price_cents:
            return "envelope_above_price"
        if self.refunded_cents and self.price_cents is None:
            return "refund_without_price"
        return None


@dataclass(frozen=True)
class Artist:
    artist_id: str = required(identifier)
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
    legal_name: str | None = optional(text)
    account_holder: str | None = optional(text)
    siren: str | None = optional(siren_number)
    vat_id: str | None = optional(text)
    tax_country: str | None = optional(country_code)
    contact_email: str | None = optional(text)

    @property
    def holder(self) -> str:
        """The name that an order bears: "account_holder, else legal_name, else name"."""
        return self.account_holder or self.legal_name or self.name


@dataclass(frozen=True)
class CategoryChange:
    artist_id: str = required(identifier)
    category: str = required(one_of("emerging", "independent", "known"))
    valid_from: date = required(day)
    is_deleted: bool | None = optional(boolean)
    updated_at: int | None = optional(instant)


@dataclass(frozen=True)
class Live:
    live_id: str = required(identifier)
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
    live_id: str = required(identifier)
    artist_id: str = required(identifier)
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
        if column.metadata["required"] and _is_missing(column, values.get(name)):
            return f"missing_{name}"
    typed = {}
    for name, column in columns:
        if _is_missing(column, values.get(name)):
            continue
        try:
            typed[column.name] = column.metadata["parse"](values[name])
        except (ValueError, OverflowError, ArithmeticError, TypeError):
            # RULES.md §3.1: a bad optional field never rejects a heartbeat.
            if record_type != "heartbeats" or column.metadata["required"]:
                return f"bad_{name}"
    record = record_class(**typed)
    if (getattr(record, "updated_at", None) or 0) > loaded_at + DAY_MS:
        return "in_future"
    broken_rule = getattr(record, "broken_rule", None)
    return (broken_rule(loaded_at) if broken_rule else None) or record


def _is_missing(column: Any, value: Any) -> bool:
    return value in (None, "") if column.metadata["parse"] is text else is_nothing(value)


def _landed_name(column: Any) -> str:
    return column.metadata.get("landed_as") or column.name


def content_order(record: Any) -> tuple[Any, ...]:
    """The sort key for "the greatest content (typed, in this table's column order, null smallest)"."""
    values = (getattr(record, column.name) for column in fields(record))
    return tuple((value is not None, value if value is not None else 0) for value in values)
