"""A second computation of the platform's and the audiences' figures: sets of subscribers by day, without SQL.

The definitions are those in the marts' yml files. Rows are tuples with the columns of `COLUMNS`, in that order.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from tests.oracle.landed_records import paris_day
from tests.oracle.settlement import Policy
from tests.oracle.snapshot import Snapshot
from tests.oracle.watch_time import PlaybackKey

PRICE_CENTS = 499
DAY = timedelta(days=1)
COLUMNS = {
    "fct_platform_days": (
        "day, active_subscribers, new_subscribers, churned_subscribers, reactivated_subscribers, watchers, watchers_7d,"
        " watchers_28d, watch_ms, playbacks, viewing_sessions, peak_concurrent_playbacks, epoch_ms(peak_at)"
    ),
    "fct_platform_months": (
        "month, active_subscribers, active_subscribers_at_start, active_subscribers_at_end, new_subscribers,"
        " churned_subscribers, reactivated_subscribers, gross_churn_bp, net_churn_bp, mrr_incl_vat_cents,"
        " mrr_excl_vat_cents, watch_ms, counting_watch_ms, watchers, idle_subscribers, idle_share_bp, playbacks,"
        " viewing_sessions, peak_concurrent_playbacks, epoch_ms(peak_at)"
    ),
    "fct_subscriber_cohorts": "cohort_month, months_since, month, subscribers, retained_subscribers, retained_bp",
    "fct_live_months": (
        "live_id, month, watch_ms, playbacks, viewers, measured_playbacks, completed_playbacks, mean_completion_bp"
    ),
    "fct_live_starts": "live_id, month, surface, playbacks",
    "fct_live_retention": "live_id, minute, watching_playbacks, started_playbacks",
    "fct_artist_audience": (
        "artist_id, month, viewers, new_viewers, returning_viewers, watch_ms, viewers_watch_ms, sole_artist_viewers"
    ),
}


@dataclass(frozen=True)
class PlatformFigures:
    """The figures of a snapshot in which no month is closed."""

    snapshot: Snapshot

    def rows(self, mart: str) -> set[tuple[Any, ...]]:
        """The rows of one mart, with its columns in `COLUMNS`."""
        return set(getattr(self, mart)())

    @cached_property
    def known_days(self) -> list[date]:
        """The days from the first heartbeat, or a paid period up to a year before it, to the last heartbeat."""
        beaten = {paris_day(beat.event_at) for beat in self.snapshot.records["heartbeats"]}
        a_year_before = _a_year_before(min(beaten))
        paid = {period.period_start for period in self.snapshot.periods.values() if period.status == "paid"}
        first, last = min(beaten | {day for day in paid if day >= a_year_before}), max(beaten)
        return [first + number * DAY for number in range((last - first).days + 1)]

    @cached_property
    def prices(self) -> dict[tuple[str, date], int]:
        """(subscriber, day) → the price of the paid periods that cover the day, without those that cost nothing."""
        prices: Counter[tuple[str, date]] = Counter()
        for period in self.snapshot.periods.values():
            price = period.price_cents
            if price is None:
                price = 0 if period.envelope_cents == 0 else PRICE_CENTS
            price -= period.refunded_cents or 0
            if period.status == "paid" and price > 0 and period.period_start >= self.known_days[0]:
                for number in range((period.period_end - period.period_start).days):
                    prices[period.subscriber_id, period.period_start + number * DAY] += price
        return prices

    @cached_property
    def active(self) -> dict[date, set[str]]:
        """The subscribers covered on each known day, or on both the day before and the day after it."""
        covered: dict[date, set[str]] = defaultdict(set)
        for subscriber_id, day in self.prices:
            covered[day].add(subscriber_id)
        return {day: covered[day] | covered[day - DAY] & covered[day + DAY] for day in self.known_days}

    @cached_property
    def moves(self) -> dict[date, tuple[set[str], set[str], set[str]]]:
        """The new, churned and reactivated subscribers of each known day."""
        moves = {}
        ever: set[str] = set()
        before: set[str] = set()
        for day in self.known_days:
            now = self.active[day]
            moves[day] = (now - ever, before - now, (now - before) & ever)
            ever |= now
            before = now
        return moves

    @cached_property
    def watched(self) -> dict[date, Counter[str]]:
        """Day → subscriber → watch time."""
        watched: dict[date, Counter[str]] = defaultdict(Counter)
        for (subscriber_id, _live_id, day), (watch_ms, _playbacks) in self.snapshot.watch.by_day().items():
            watched[day][subscriber_id] += watch_ms
        return watched

    @cached_property
    def counting(self) -> Counter[tuple[str, str, str]]:
        """(Month, subscriber, live) → watch time that counts for money."""
        catalogue = self.snapshot.catalogue
        counting: Counter[tuple[str, str, str]] = Counter()
        for (subscriber_id, live_id, day), (watch_ms, _playbacks) in self.snapshot.watch.by_day().items():
            counts = catalogue.counts(live_id, minimum_live_s=Policy().minimum_live_s)
            valid = catalogue.shares_are_whole(live_id) and not catalogue.has_two_shares_of_one_artist(live_id)
            if counts and valid:
                counting[_month(day), subscriber_id, live_id] += watch_ms
        return counting

    @cached_property
    def started_on(self) -> dict[PlaybackKey, date]:
        """The Paris day of each playback's first heartbeat."""
        return {key: paris_day(playback.first_at) for key, playback in self.snapshot.watch.playbacks.items()}

    @cached_property
    def furthest_ms(self) -> dict[PlaybackKey, int]:
        """The furthest position of each playback that has one."""
        furthest: dict[PlaybackKey, int] = {}
        for beat in self.snapshot.records["heartbeats"]:
            if beat.position_ms is not None:
                key = PlaybackKey(beat.playback_id, beat.subscriber_id, beat.live_id)
                furthest[key] = max(beat.position_ms, furthest.get(key, 0))
        return furthest

    @cached_property
    def peaks(self) -> dict[date, tuple[int, int | None]]:
        """The most playbacks open at one instant of each known day, and that instant in ms."""
        spans: dict[tuple[PlaybackKey, date], list[int]] = defaultdict(list)
        for beat in self.snapshot.records["heartbeats"]:
            key = PlaybackKey(beat.playback_id, beat.subscriber_id, beat.live_id)
            spans[key, paris_day(beat.event_at)].append(beat.event_at)
        peaks = {}
        for day in self.known_days:
            of_day = [(min(instants), max(instants)) for (_, on), instants in spans.items() if on == day]
            counts = {
                begins: sum(first <= begins < last for first, last in of_day)
                for begins, ends in of_day
                if begins < ends
            }
            peak = max(counts.values(), default=0)
            peaks[day] = (peak, min((at for at, count in counts.items() if count == peak), default=None))
        return peaks

    def months(self) -> Iterator[tuple[str, list[date]]]:
        """Each month with its known days."""
        days: dict[str, list[date]] = defaultdict(list)
        for day in self.known_days:
            days[_month(day)].append(day)
        yield from days.items()

    def fct_platform_days(self) -> Iterator[tuple[Any, ...]]:
        """One row per known day."""
        playbacks = Counter(self.started_on.values())
        sessions = Counter(paris_day(session.started_at) for session in self.snapshot.watch.sessions())
        for day in self.known_days:
            reach = (set().union(*(self.watched[day - back * DAY] for back in range(days))) for days in (1, 7, 28))
            yield (
                day,
                len(self.active[day]),
                *map(len, self.moves[day]),
                *map(len, reach),
                self.watched[day].total(),
                playbacks[day],
                sessions[day],
                *self.peaks[day],
            )

    def fct_platform_months(self) -> Iterator[tuple[Any, ...]]:
        """One row per month with a known day."""
        playbacks = Counter(_month(day) for day in self.started_on.values())
        sessions = Counter(_month(paris_day(session.started_at)) for session in self.snapshot.watch.sessions())
        for month, days in self.months():
            active = set().union(*(self.active[day] for day in days))
            counted = {subscriber for of_month, subscriber, _live in self.counting if of_month == month}
            at_start, at_end = len(self.active.get(days[0] - DAY, ())), len(self.active[days[-1]])
            new, churned, reactivated = (sum(len(self.moves[day][move]) for day in days) for move in range(3))
            revenue = sum(cents for (_subscriber, day), cents in self.prices.items() if day == days[-1])
            peak = max(self.peaks[day][0] for day in days)
            yield (
                month,
                len(active),
                at_start,
                at_end,
                new,
                churned,
                reactivated,
                _rounded(10_000 * churned, at_start),
                _rounded(10_000 * (churned - reactivated), at_start),
                revenue,
                _rounded(revenue * 100, 120),
                sum(self.watched[day].total() for day in days),
                sum(ms for (of_month, _subscriber, _live), ms in self.counting.items() if of_month == month),
                len(set().union(*(self.watched[day] for day in days))),
                len(active - counted),
                _rounded(10_000 * len(active - counted), len(active)),
                playbacks[month],
                sessions[month],
                peak,
                next(self.peaks[day][1] for day in days if self.peaks[day][0] == peak),
            )

    def fct_subscriber_cohorts(self) -> Iterator[tuple[Any, ...]]:
        """One row per cohort and month, from the cohort's month on."""
        months = list(self.months())
        for number, (cohort_month, cohort_days) in enumerate(months):
            cohort = set().union(*(self.moves[day][0] for day in cohort_days))
            for since, (month, days) in enumerate(months[number:] if cohort else []):
                retained = len(cohort & self.active[days[-1]])
                yield (cohort_month, since, month, len(cohort), retained, _rounded(10_000 * retained, len(cohort)))

    def fct_live_months(self) -> Iterator[tuple[Any, ...]]:
        """One row per live and month with watch time or a start."""
        watch: Counter[tuple[str, str]] = Counter()
        viewers: dict[tuple[str, str], set[str]] = defaultdict(set)
        for (subscriber_id, live_id, day), (watch_ms, _playbacks) in self.snapshot.watch.by_day().items():
            watch[live_id, _month(day)] += watch_ms
            viewers[live_id, _month(day)].add(subscriber_id)
        started: dict[tuple[str, str], list[int | None]] = defaultdict(list)
        for key, day in self.started_on.items():
            started[key.live_id, _month(day)].append(self._completion_bp(key))
        for cell in watch.keys() | started.keys():
            measured = [completion for completion in started[cell] if completion is not None]
            yield (
                *cell,
                watch[cell],
                len(started[cell]),
                len(viewers[cell]),
                len(measured),
                sum(completion >= 9_000 for completion in measured),
                _rounded(sum(measured), len(measured)),
            )

    def fct_live_starts(self) -> Iterator[tuple[Any, ...]]:
        """One row per live, month and surface."""
        surfaces: dict[PlaybackKey, set[str]] = defaultdict(set)
        for beat in self.snapshot.records["heartbeats"]:
            if beat.surface is not None:
                surfaces[PlaybackKey(beat.playback_id, beat.subscriber_id, beat.live_id)].add(beat.surface)
        starts = Counter(
            (key.live_id, _month(day), min(surfaces[key], default="unknown")) for key, day in self.started_on.items()
        )
        for cell, playbacks in starts.items():
            yield (*cell, playbacks)

    def fct_live_retention(self) -> Iterator[tuple[Any, ...]]:
        """One row per live and minute, up to the furthest minute."""
        of_live: dict[str, list[int]] = defaultdict(list)
        for key, position_ms in self.furthest_ms.items():
            live = self.snapshot.catalogue.lives.get(key.live_id)
            if live is not None and live.duration_s > 0 and self.snapshot.watch.playbacks[key].watch_ms > 0:
                of_live[key.live_id].append(min(position_ms, int(live.duration_s * 1000) - 1))
        for live_id, positions in of_live.items():
            for minute in range(max(positions) // 60_000 + 1):
                watching = sum(minute == 0 or position_ms >= minute * 60_000 for position_ms in positions)
                yield (live_id, minute, watching, len(positions))

    def fct_artist_audience(self) -> Iterator[tuple[Any, ...]]:
        """One row per artist and month with counting watch time."""
        weights: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        time: Counter[tuple[str, str]] = Counter()
        for (month, subscriber_id, live_id), watch_ms in self.counting.items():
            time[month, subscriber_id] += watch_ms
            for artist_id, share_bp in self.snapshot.catalogue.shares(live_id):
                weights[artist_id, month][subscriber_id] += watch_ms * share_bp
        for (artist_id, month), viewers in weights.items():
            before, of_others = set[str](), set[str]()
            for (other_id, other_month), others in weights.items():
                if other_id == artist_id and other_month < month:
                    before |= others.keys()
                if other_id != artist_id and other_month == month:
                    of_others |= others.keys()
            yield (
                artist_id,
                month,
                len(viewers),
                len(viewers.keys() - before),
                len(viewers.keys() & before),
                viewers.total() // 10_000,
                sum(time[month, viewer] for viewer in viewers),
                len(viewers.keys() - of_others),
            )

    def _completion_bp(self, key: PlaybackKey) -> int | None:
        live = self.snapshot.catalogue.lives.get(key.live_id)
        if key not in self.furthest_ms or live is None or live.duration_s == 0:
            return None
        share = Decimal(self.furthest_ms[key] * 10) / live.duration_s
        return min(10_000, int(share.to_integral_value(ROUND_FLOOR)))


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _a_year_before(day: date) -> date:
    leap_day = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap_day else day.day)


def _rounded(dividend: int, divisor: int) -> int | None:
    """The quotient, with halves rounded away from zero; None if the divisor is 0."""
    return int((Decimal(dividend) / divisor).quantize(Decimal(1), ROUND_HALF_UP)) if divisor else None
