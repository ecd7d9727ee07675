"""TARGET business days: the days on which banks settle transfers in euros (RULES.md §10).

French public holidays such as 14 July are business days here. The hour until which a bank takes orders for the same day
is in its contract, not here.
"""

from datetime import date, timedelta
from functools import cache
from typing import Final

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


def is_target_day(day: date) -> bool:
    """Whether TARGET settles on this day: Monday to Friday, but for the ECB's six holidays.

    >>> is_target_day(date(2026, 7, 14)), is_target_day(date(2026, 12, 25))
    (True, False)
    """
    return day.weekday() < _SATURDAY and day not in _holidays(day.year)


def next_target_day(day: date) -> date:
    """Return the day itself if it is a business day, else the next one.

    >>> next_target_day(date(2026, 4, 3)).isoformat()
    '2026-04-07'
    """
    while not is_target_day(day):
        day += _DAY
    return day


def requested_on(payment_date: date, ordered_on: date) -> date:
    """Return the date that an order asks for: the payment date, or the next business day from it or from the order.

    Never before the day of the order, and never before the payment date (RULES.md §10). Banks refuse dates in the past
    and move dates on which they are closed.

    >>> requested_on(date(2026, 6, 10), ordered_on=date(2026, 11, 28)).isoformat()
    '2026-11-30'
    """
    return next_target_day(max(payment_date, ordered_on))


@cache
def _holidays(year: int) -> frozenset[date]:
    from holidays import financial_holidays  # noqa: PLC0415 - takes time to import, and only an order needs it

    return frozenset(financial_holidays("XECB", years=year))
