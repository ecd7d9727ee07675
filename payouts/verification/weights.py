"""Computes the weights of periods a second time, from watch time and a catalogue (RULES.md §4, §5.1)."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Final, NamedTuple

import polars as pl

from allive.payouts.closed_month.month_files import Policy
from allive.payouts.verification.pinned_records import Catalogue

ByLive = dict[tuple[str, str], dict[str, int]]
"""By artist and category on the day of the watching: each live's part of the weight."""


class Period(NamedTuple):
    """A paid period as its run saw it, with the month that booked it before, if any.

    `name` is its name in the run's slices: its id or its pseudonym, by the month's format.
    """

    period_id: str
    name: str
    subscriber_id: str
    period_start: date
    period_end: date
    envelope_nanos: int
    booked_in: str | None


_WEIGHED: Final = ("period_id", "artist_id", "category", "live_id")


def weigh(periods: pl.DataFrame, watched: pl.DataFrame, catalogue: Catalogue, policy: Policy) -> pl.DataFrame:
    """Return each live's `weight` by `period_id`, `artist_id`, `category` and `live_id`, in that order.

    Rows that block a close are included: without `artist_id` if the live has no whole set of credits, without
    `category` if the artist had none on the day.

    Args:
        periods: With `period_id`, `subscriber_id`, `period_start` and `period_end`.
        watched: The result of `watching.watched_days`.
        catalogue: The catalogue that the month is settled with.
        policy: The policy that the month is settled with.
    """
    counting = [(live_id,) for live_id, live in catalogue.lives.items() if live.counts(policy)]
    credited = [(live_id, *share) for live_id, shares in catalogue.credits.items() for share in shares]
    weighed = (
        watched.filter(pl.col("day").is_between(periods["period_start"].min(), periods["period_end"].max()))
        .join(_frame(counting, live_id=pl.String), on="live_id", how="semi")
        .join(periods.select("period_id", "subscriber_id", "period_start", "period_end"), on="subscriber_id")
        .filter(pl.col("day").is_between("period_start", "period_end", closed="left"))
        .join(_frame(credited, live_id=pl.String, artist_id=pl.String, share_bp=pl.Int64), on="live_id", how="left")
    )
    days = weighed.select("artist_id", "day").unique().drop_nulls()
    standing = [(artist_id, day, catalogue.category(artist_id, day)) for artist_id, day in days.iter_rows()]
    return (
        weighed.join(
            _frame(standing, artist_id=pl.String, day=pl.Date, category=pl.String), on=["artist_id", "day"], how="left"
        )
        .group_by(_WEIGHED)
        .agg(weight=(pl.col("watch_ms") * pl.col("share_bp")).sum())
        .sort(_WEIGHED)
    )


def by_period(periods: pl.DataFrame, weights: pl.DataFrame) -> Iterator[tuple[Period, ByLive]]:
    """Yield each period with its weights, in order of their names."""
    lists = weights.drop_nulls("category").group_by("period_id", maintain_order=True).agg(pl.all())
    weighed = periods.select(Period._fields).join(lists, on="period_id", how="left").sort("name")
    for row in weighed.iter_rows():
        period, columns = Period(*row[: len(Period._fields)]), row[len(Period._fields) :]
        by_live: ByLive = {}
        for artist_id, category, live_id, weight in zip(*(column or () for column in columns), strict=True):
            by_live.setdefault((artist_id, category), {})[live_id] = weight
        yield period, by_live


def _frame(rows: Iterable[tuple[Any, ...]], **columns: Any) -> pl.DataFrame:
    return pl.DataFrame([*rows], schema=columns, orient="row")
