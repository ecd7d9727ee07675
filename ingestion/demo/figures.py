"""The season's figures, from its plan, to judge whether it is believable. Reads no file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from allive.ingestion.demo import timeline
from allive.ingestion.demo.cast import CAST
from allive.ingestion.demo.catalogue import CATEGORY_CHANGES, Catalogue, act_named
from allive.ingestion.demo.heartbeats import Beats
from allive.ingestion.demo.playbacks import Playbacks
from allive.ingestion.demo.subscriptions import SUBSCRIBERS, Period

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """One month: the watch time in it, and the periods that it settles.

    Shares are shares of the counting watch time, split by credit, in the category on that day.
    """

    month: str
    watch_hours: float
    watchers: int
    category_shares: Mapping[str, float]
    top_artist: str
    top_artist_share: float
    settled_periods: int
    idle_periods: int

    @property
    def hours_per_watcher(self) -> float:
        """Mean watch time, in hours, of the subscribers who watched."""
        return self.watch_hours / self.watchers

    @property
    def idle_share(self) -> float:
        """Share of the settled periods without any counting watch time."""
        return self.idle_periods / self.settled_periods

    def line(self) -> str:
        """The figures in one line of text."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.category_shares.items())
        return (
            f"{self.month}: {self.watch_hours:,.0f} h watched by {self.watchers:,} subscribers "
            f"({self.hours_per_watcher:.1f} h each); {shares}; "
            f"most watched {self.top_artist} ({self.top_artist_share:.0%}); "
            f"settles {self.settled_periods:,} periods, {self.idle_share:.0%} of them idle"
        )


def month_figures(
    *,
    catalogue: Catalogue,
    periods: Sequence[Period],
    playbacks: Playbacks,
    beats: Beats,
) -> tuple[MonthFigures, ...]:
    """Compute the figures of each settlement month; floats, for reading, never for money."""
    counting = np.array([live.counts for live in catalogue.lives])[playbacks.live[beats.playback]]
    worth = np.where(counting, beats.credits_ms(), 0)
    day = np.searchsorted(timeline.midnights_ms(), beats.at_ms, side="right") - 1
    subscriber = playbacks.subscriber[beats.playback]

    days = len(timeline.DAYS)
    watched = np.zeros((SUBSCRIBERS, days))
    np.add.at(watched, (subscriber, day), worth)
    by_live = np.zeros((days, len(catalogue.lives)))
    np.add.at(by_live, (day, playbacks.live[beats.playback]), worth)
    by_act = by_live @ _share_matrix(catalogue)

    return tuple(
        _figures_of(month, watched=watched, by_act=by_act, periods=periods) for month in timeline.SETTLEMENT_MONTHS
    )


def _figures_of(
    month: str,
    *,
    watched: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    by_act: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    periods: Sequence[Period],
) -> MonthFigures:
    in_month = np.array([day.isoformat().startswith(month) for day in timeline.DAYS])
    by_category = dict.fromkeys(("emerging", "independent", "known"), 0.0)
    for day_number in np.flatnonzero(in_month):
        for act, category in enumerate(_categories_on(int(day_number))):
            by_category[category] += float(by_act[day_number, act])
    act_totals = by_act[in_month].sum(axis=0)
    total = float(act_totals.sum())
    settled = [p for p in periods if p.is_settled and p.settlement_month == month]
    idle = [
        period
        for period in settled
        if not watched[
            period.subscriber,
            timeline.day_index(period.start) : timeline.day_index(period.end),
        ].any()
    ]
    top = int(act_totals.argmax())
    return MonthFigures(
        month=month,
        watch_hours=float(watched[:, in_month].sum()) / _HOUR_MS,
        watchers=int((watched[:, in_month].sum(axis=1) > 0).sum()),
        category_shares={name: weight / total for name, weight in by_category.items()},
        top_artist=CAST[top].name,
        top_artist_share=float(act_totals[top]) / total,
        settled_periods=len(settled),
        idle_periods=len(idle),
    )


def _share_matrix(catalogue: Catalogue) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    shares = np.zeros((len(catalogue.lives), len(CAST)))
    for place, live in enumerate(catalogue.lives):
        for credit in live.credits:
            shares[place, credit.act] = credit.share_bp / 10_000
    return shares


def _categories_on(day_number: int) -> list[str]:
    categories: list[str] = [act.category for act in CAST]
    for name, category, valid_from in CATEGORY_CHANGES:
        if timeline.DAYS[day_number] >= valid_from:
            categories[act_named(name)] = category
    return categories
