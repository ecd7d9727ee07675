"""Settlement months, written as 'YYYY-MM' text everywhere, and functions on them."""

import re
from datetime import date, datetime, timedelta

from allive.ingestion.paris_days import PARIS

PAYOUT_DAY = 3

# The years for which `date` can represent the month before and after.
_PATTERN = re.compile(r"(?!0000|9999)[0-9]{4}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Whether the text is of the form YYYY-MM."""
    return _PATTERN.fullmatch(text) is not None


def parse_month(text: str) -> str:
    """Return the month unchanged if it is valid.

    >>> parse_month("2021-02")
    '2021-02'

    Raises:
        ValueError: It is not of the form YYYY-MM.
    """
    if not is_month(text):
        raise ValueError(f"{text!r} is not a month; expected YYYY-MM, for example 2021-02.")
    return text


def first_day(month: str) -> date:
    """Return the month's first day.

    >>> first_day("2021-02")
    datetime.date(2021, 2, 1)
    """
    return date.fromisoformat(f"{month}-01")


def following(month: str) -> str:
    """Return the next month.

    >>> following("2021-12")
    '2022-01'
    """
    return (first_day(month) + timedelta(days=31)).isoformat()[:7]


def last_day(month: str) -> date:
    """Return the month's last day.

    >>> last_day("2021-02")
    datetime.date(2021, 2, 28)
    """
    return first_day(following(month)) - timedelta(days=1)


def is_over(month: str, *, now: datetime) -> bool:
    """Whether the month has ended in Paris at `now` (RULES.md §6)."""
    return now.astimezone(PARIS).date() > last_day(month)


def payout_day(month: str) -> date:
    """Return the day the month's payout runs: the 3rd of the next month.

    >>> payout_day("2021-12")
    datetime.date(2022, 1, 3)
    """
    return first_day(following(month)).replace(day=PAYOUT_DAY)


def payment_date(month: str, *, delay_days: int) -> date:
    """Return the day the month is paid: the 3rd of the next month + the payment delay (RULES.md §6).

    >>> payment_date("2021-02", delay_days=7)
    datetime.date(2021, 3, 10)
    """
    return payout_day(month) + timedelta(days=delay_days)
