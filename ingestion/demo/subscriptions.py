"""The 2,000 subscribers: when they join, pay, leave and come back."""

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from allive.ingestion.demo import timeline

SUBSCRIBERS = 2_000
PRICE_CENTS = 499
ENVELOPE_CENTS = 100
_TRIAL_DAYS = 7
_TRIALS_SINCE = dt.date(2021, 1, 4)
_TRIAL_SHARE = 0.25
_TRIAL_CONVERSION = 0.62
_JOINED_AT_CHRISTMAS = 0.50
_CHURN = 0.075
_COMEBACK = 0.30
_REFUND_SHARE = 0.015
_VOID_SHARE = 0.004
_DISPUTED_SHARE = 0.006


@dataclass(frozen=True, slots=True)
class Period:
    """A period bought by one payment, `[start, end)`, and its final status."""

    period_id: str
    subscriber: int
    plan_id: str
    start: dt.date
    end: dt.date
    price_cents: int
    envelope_cents: int
    paid_at: dt.datetime
    final_status: str = "paid"
    final_at: dt.datetime | None = None

    @property
    def settlement_month(self) -> str:
        """The month of its last day, as YYYY-MM."""
        return (self.end - dt.timedelta(days=1)).isoformat()[:7]

    @property
    def is_settled(self) -> bool:
        """True if it brings an envelope (RULES.md §5)."""
        return self.final_status == "paid" and self.envelope_cents > 0

    @property
    def usable_until(self) -> dt.date:
        """The first day on which its subscriber can no longer watch with it."""
        return self.end if self.final_at is None else min(self.end, self.final_at.date())


def subscriber_id(subscriber: int) -> str:
    """Name the subscriber number `subscriber`."""
    return f"sub-{subscriber + 1:05d}"


def add_months(day: dt.date, months: int) -> dt.date:
    """Move a billing day by whole months; the 31st becomes a shorter month's last day.

    >>> add_months(dt.date(2021, 1, 31), 1)
    datetime.date(2021, 2, 28)
    """
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def build_periods(seed: int) -> tuple[Period, ...]:
    """Invent every period that begins in the season, ordered by start, then subscriber."""
    rng = timeline.generator(seed, "subscriptions")
    periods = [
        period
        for subscriber, joined_on in enumerate(_sample_joining_days(rng))
        for period in _membership(rng, subscriber, joined_on)
    ]
    periods.sort(key=lambda period: (period.start, period.subscriber))
    return tuple(periods)


def _sample_joining_days(rng: np.random.Generator) -> list[dt.date]:
    """Draw the joining days: half of them around Christmas, the others over the season, with more at the festival.

    No period can end in December, or December would be the first month to settle: paid periods last a month, and
    trials are only offered from January on.
    """
    at_christmas = np.array([1.3, 0.9, 1.0, 0.9, 0.9, 1.1, 1.6, 2.6, 1.8, 1.2, 1, 1, 1, 1.1, 1.4])
    later = np.linspace(1.0, 0.8, len(timeline.DAYS) - len(at_christmas) - 3)
    festival = timeline.day_index(timeline.FESTIVAL_ON) - len(at_christmas)
    later[festival - 2 : festival + 4] *= 2.2
    weights = np.concatenate(
        [
            at_christmas / at_christmas.sum() * _JOINED_AT_CHRISTMAS,
            later / later.sum() * (1 - _JOINED_AT_CHRISTMAS),
        ]
    )
    days = rng.choice(len(weights), size=SUBSCRIBERS, p=weights)
    return [timeline.DAYS[day] for day in np.sort(days)]


def _new_id(rng: np.random.Generator) -> str:
    return f"in_{rng.bytes(7).hex()}"


def _instant(rng: np.random.Generator, day: dt.date) -> dt.datetime:
    """Draw an instant of a day's office hours, in UTC: billing never runs around midnight."""
    seconds = int(rng.integers(5 * 3600, 18 * 3600))
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)


def _membership(rng: np.random.Generator, subscriber: int, joined_on: dt.date) -> Iterator[Period]:
    """Follow one subscriber from joining to the season's end, with breaks."""
    start: dt.date | None = joined_on
    if joined_on >= _TRIALS_SINCE and rng.random() < _TRIAL_SHARE:
        trial = Period(
            period_id=_new_id(rng),
            subscriber=subscriber,
            plan_id="essai",
            start=joined_on,
            end=joined_on + dt.timedelta(days=_TRIAL_DAYS),
            price_cents=0,
            envelope_cents=0,
            paid_at=_instant(rng, joined_on),
        )
        yield trial
        start = trial.end if rng.random() < _TRIAL_CONVERSION else None
    while start is not None and start <= timeline.LAST_DAY:
        last = start
        for period in _paid_stretch(rng, subscriber, start):
            yield period
            last = period.usable_until
        start = last + dt.timedelta(days=int(rng.integers(5, 40))) if rng.random() < _COMEBACK else None


def _paid_stretch(rng: np.random.Generator, subscriber: int, anchor: dt.date) -> Iterator[Period]:
    """Bill month after month on the anchor's day, until the subscriber leaves or is refunded."""
    for month in range(12):
        start, end = add_months(anchor, month), add_months(anchor, month + 1)
        if start > timeline.LAST_DAY:
            return
        period = Period(
            period_id=_new_id(rng),
            subscriber=subscriber,
            plan_id="mensuel",
            start=start,
            end=end,
            price_cents=PRICE_CENTS,
            envelope_cents=ENVELOPE_CENTS,
            paid_at=_instant(rng, start),
        )
        fate = rng.random()
        if fate < _REFUND_SHARE:
            refunded_on = start + dt.timedelta(days=int(rng.integers(1, 26)))
            if refunded_on <= timeline.LAST_DAY:
                yield replace(period, final_status="refunded", final_at=_instant(rng, refunded_on))
                return
        elif fate < _REFUND_SHARE + _VOID_SHARE:
            # The card was refused; the same month is billed again under a new id.
            yield replace(
                period,
                final_status="void",
                final_at=period.paid_at + dt.timedelta(hours=2),
            )
            period = replace(period, period_id=_new_id(rng), paid_at=period.paid_at + dt.timedelta(hours=3))
        yield _disputed(period) if fate > 1 - _DISPUTED_SHARE else period
        if rng.random() < _CHURN:
            return


def _disputed(period: Period) -> Period:
    """Let the card holder dispute the payment weeks later, when the month it paid for might already be closed."""
    disputed_on = period.end + dt.timedelta(days=12)
    if disputed_on > timeline.LAST_DAY:
        return period
    return replace(period, final_status="refunded", final_at=dt.datetime.combine(disputed_on, dt.time(9), dt.UTC))
