"""Instants and days of a world, and the many ways in which a landed file writes them."""

import random
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
LATER = date(2021, 3, 3)
"""A day on which nothing special happens."""


def paris_midnight(day: date) -> datetime:
    """The instant at which a day begins in Paris."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def month_days(month: str) -> tuple[date, date]:
    """The first day of a month, and the first day after it."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1)


def written(instant: datetime, rng: random.Random | None = None) -> str:
    """An instant as ISO 8601: with Z, or any offset, or digits below the millisecond to be cut off."""
    way = rng.random() if rng else 0
    if way < 0.75:
        text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    if way < 0.9:
        offset = timezone(timedelta(minutes=rng.choice((-720, -300, 60, 120, 330, 840))))
        return instant.astimezone(offset).isoformat(timespec="milliseconds")
    below = timedelta(microseconds=rng.choice((1, 500, 999)))
    text = (instant.astimezone(UTC) + below).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


def written_day(day: date, rng: random.Random | None = None) -> str:
    """A day as ISO, or as an instant on that day in Paris."""
    if rng is None or rng.random() < 0.8:
        return day.isoformat()
    moments = (paris_midnight(day), paris_midnight(day + timedelta(days=1)) - MILLISECOND)
    return written(rng.choice(moments))
