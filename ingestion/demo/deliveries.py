"""Delivery days of the season's files, from their names. Files that are late for a close land after it."""

import re
from datetime import date, timedelta
from pathlib import Path

_DATED = re.compile(r"(?P<year>\d{4})-(?:W(?P<week>\d\d)|(?P<month>\d\d)(?:-(?P<day>\d\d))?)")


def delivered_on(name: str) -> date:
    """Return the day on which a file of the season was delivered: the day, or end of the week or month, in its name.

    >>> delivered_on("heartbeats-2021-01-20.csv"), delivered_on("uploads-2021-W05.ndjson.gz")
    (datetime.date(2021, 1, 20), datetime.date(2021, 2, 7))
    >>> delivered_on("subscriptions-2021-02.csv")
    datetime.date(2021, 2, 28)

    Raises:
        ValueError: The name contains no date.
    """
    found = _DATED.search(name)
    if found is None:
        raise ValueError(f"{name!r} does not say when it was delivered; expected a day, a week or a month in it")
    year = int(found["year"])
    if found["week"]:
        return date.fromisocalendar(year, int(found["week"]), 7)
    if found["day"]:
        return date(year, int(found["month"]), int(found["day"]))
    in_next_month = date(year, int(found["month"]), 28) + timedelta(days=4)
    return in_next_month.replace(day=1) - timedelta(days=1)


def deliver(season: Path, landing: Path, *, until: date) -> int:
    """Move the files that were delivered by `until` from the season to landing, by rename; return how many."""
    due = [path for path in sorted(season.rglob("*")) if path.is_file() and delivered_on(path.name) <= until]
    for path in due:
        target = landing / path.relative_to(season)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return len(due)
