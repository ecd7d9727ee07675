"""Which months are due: over, past their payout day, and not closed. The date is passed in; the clock is never read."""

from datetime import date

from allive.payouts import months


def due_months(closed: tuple[str, ...], *, first_month: str | None, today: date) -> tuple[str, ...]:
    """Return the months to close by `today` (a day in Paris), the oldest first.

    >>> due_months(("2021-01",), first_month=None, today=date(2021, 4, 2))
    ('2021-02',)
    >>> due_months(("2021-01",), first_month=None, today=date(2021, 4, 3))
    ('2021-02', '2021-03')

    Args:
        closed: The closed months in order.
        first_month: The month that the first run closes, if none is closed yet; None if it is not known.
        today: A month is due from its payout day on, the 3rd of the next month (RULES.md §6).
    """
    month = months.following(closed[-1]) if closed else first_month
    due = []
    while month is not None and months.payout_day(month) <= today:
        due.append(month)
        month = months.following(month)
    return tuple(due)
