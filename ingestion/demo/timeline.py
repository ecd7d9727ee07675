"""The season's calendar: its days in Paris, and when people watch on them."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

PARIS = ZoneInfo("Europe/Paris")

OPENING_ON = dt.date(2020, 12, 18)
"""The platform opens late in December, so that January 2021 is the first settlement month."""
LAST_DAY = dt.date(2021, 3, 31)
CATALOGUE_SINCE = dt.date(2020, 6, 1)
FESTIVAL_ON = dt.date(2021, 2, 5)
SETTLEMENT_MONTHS = ("2021-01", "2021-02", "2021-03")

DAYS: tuple[dt.date, ...] = tuple(OPENING_ON + dt.timedelta(days=n) for n in range((LAST_DAY - OPENING_ON).days + 1))

_WEEKDAY_APPETITE = (0.70, 0.75, 0.90, 0.95, 1.35, 1.70, 1.35)
_HOLIDAY_APPETITE = {
    dt.date(2020, 12, 24): 0.55,
    dt.date(2020, 12, 25): 1.30,
    dt.date(2020, 12, 31): 1.50,
    dt.date(2021, 1, 1): 1.60,
}
_FESTIVAL_BOOST = 1.8

WEEKDAY_HOURS = (
    3, 1.5, 0.6, 0.3, 0.2, 0.3, 0.8, 1.5, 1.5, 1, 1, 1.3,
    2.5, 2.2, 1.3, 1.2, 1.5, 2.5, 4.5, 6.5, 10, 13, 11, 6.5,
)  # fmt: skip
"""Relative number of starts in each hour of a working day, from midnight on."""
WEEKEND_HOURS = (
    5, 3, 1.4, 0.6, 0.3, 0.2, 0.3, 0.6, 1.2, 2, 3, 3.5,
    3, 3.5, 4.5, 5, 5, 5, 5.5, 7, 10, 12, 10.5, 7.5,
)  # fmt: skip


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Give each part of the season its own random stream, so that a change in one does not affect the others."""
    return np.random.default_rng([seed, *purpose.encode()])


def midnights_ms() -> npt.NDArray[np.int64]:
    """Return each season day's Paris midnight and the last one's end, in ms since 1970."""
    days = (*DAYS, LAST_DAY + dt.timedelta(days=1))
    return np.array(
        [int(dt.datetime(d.year, d.month, d.day, tzinfo=PARIS).timestamp()) * 1000 for d in days],
        dtype=np.int64,
    )


def day_index(day: dt.date) -> int:
    """Count the days from the opening; negative before it."""
    return (day - OPENING_ON).days


def day_appetites() -> npt.NDArray[np.float64]:
    """Return how much people want to watch on each season day; an ordinary day is about 1."""
    festival_days = {FESTIVAL_ON + dt.timedelta(days=n) for n in range(3)}
    return np.array(
        [
            _HOLIDAY_APPETITE.get(day, _WEEKDAY_APPETITE[day.weekday()])
            * (_FESTIVAL_BOOST if day in festival_days else 1.0)
            for day in DAYS
        ]
    )


def sample_start_offsets_ms(rng: np.random.Generator, days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Draw a start of viewing for each day (given by its index), in ms after that day's Paris midnight."""
    weekends = np.array([day.weekday() >= 5 for day in DAYS])[days]
    hours = np.empty(len(days), dtype=np.int64)
    for weights, chosen in ((WEEKDAY_HOURS, ~weekends), (WEEKEND_HOURS, weekends)):
        probabilities = np.array(weights) / sum(weights)
        hours[chosen] = rng.choice(24, size=int(chosen.sum()), p=probabilities)
    return hours * 3_600_000 + rng.integers(0, 3_600_000, size=len(days))
