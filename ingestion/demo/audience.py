"""The tastes of each subscriber, which determine the chance of each live in each playback."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allive.ingestion.demo import timeline
from allive.ingestion.demo.cast import CAST, GENRES
from allive.ingestion.demo.catalogue import Live
from allive.ingestion.demo.subscriptions import SUBSCRIBERS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Popularity follows Zipf's law within a category: appeal of the first, and how steeply it falls.
_APPEAL = {"known": (3.4, 0.20), "independent": (3.2, 0.45), "emerging": (4.2, 0.60)}
_KIND_APPEAL = {"live": 1.0, "clip": 0.8, "studio": 0.6, "documentary": 0.9}
_GENRE_STEEPNESS = 0.5
_OTHER_GENRES_TASTE = 0.10
_FAVOURITE_BOOST = 7.0
_RELEASE_BOOST = 4.0
_RELEASE_DAYS = 9.0
_HITS = 5
_HIT_BOOST = 3.5


@dataclass(frozen=True, slots=True)
class Audience:
    """The subscribers' tastes: `affinity[subscriber, live]`, `favourite[subscriber, act]`."""

    affinity: Floats
    favourite: npt.NDArray[np.bool_]
    activity: Floats
    idleness: Floats


def _act_appeals() -> Floats:
    ranks: dict[str, int] = {}
    appeals = []
    for act in CAST:
        ranks[act.category] = ranks.get(act.category, 0) + 1
        first, steepness = _APPEAL[act.category]
        appeals.append(first / ranks[act.category] ** steepness)
    return np.array(appeals)


def _live_appeals(rng: np.random.Generator, lives: Sequence[Live]) -> Floats:
    """Weight the lives by their acts, their kind and chance; a few become hits."""
    by_act = _act_appeals()
    appeals = np.array([max(by_act[credit.act] for credit in live.credits) * _KIND_APPEAL[live.kind] for live in lives])
    appeals *= rng.lognormal(0.0, 0.7, size=len(lives))
    counting = np.flatnonzero([live.counts for live in lives])
    appeals[rng.choice(counting, size=_HITS, replace=False)] *= _HIT_BOOST
    return appeals


def build_audience(rng: np.random.Generator, lives: Sequence[Live]) -> Audience:
    """Give every subscriber one to three genres, one to four favourite acts and an appetite."""
    genre_weights = 1 / np.arange(1, len(GENRES) + 1) ** _GENRE_STEEPNESS
    taste = np.full((SUBSCRIBERS, len(GENRES)), _OTHER_GENRES_TASTE)
    by_act = _act_appeals()
    act_genres = np.array([GENRES.index(act.genre) for act in CAST])
    favourite = np.zeros((SUBSCRIBERS, len(CAST)), dtype=bool)
    for subscriber in range(SUBSCRIBERS):
        loved = rng.choice(
            len(GENRES),
            size=int(rng.integers(1, 4)),
            replace=False,
            p=genre_weights / genre_weights.sum(),
        )
        taste[subscriber, loved] = 1.0
        chances = by_act * taste[subscriber, act_genres]
        favourite[
            subscriber,
            rng.choice(len(CAST), size=int(rng.integers(1, 5)), replace=False, p=chances / chances.sum()),
        ] = True
    live_genres = np.array([GENRES.index(live.genre) for live in lives])
    main_acts = np.array([live.credits[0].act for live in lives])
    affinity = (
        taste[:, live_genres] * np.where(favourite[:, main_acts], _FAVOURITE_BOOST, 1.0) * _live_appeals(rng, lives)
    )
    dormant = rng.random(SUBSCRIBERS) < 0.05
    return Audience(
        affinity=affinity,
        favourite=favourite,
        activity=rng.lognormal(-0.35, 0.95, size=SUBSCRIBERS),
        idleness=np.where(dormant, 0.85, 0.04),
    )


def _novelty(published_days: Ints) -> Floats:
    """Return `[season day, live]`: 0 before the publication, high at it, then falling to 1."""
    ages = np.arange(len(timeline.DAYS))[:, None] - published_days[None, :]
    return np.where(ages < 0, 0.0, 1.0 + _RELEASE_BOOST * np.exp(-np.maximum(ages, 0) / _RELEASE_DAYS))


def choose_lives(
    rng: np.random.Generator,
    audience: Audience,
    *,
    subscribers: Ints,
    days: Ints,
    published_days: Ints,
) -> Ints:
    """Draw the live that is watched in each playback, given by its subscriber and season day."""
    cumulated = np.cumsum(audience.affinity[subscribers] * _novelty(published_days)[days], axis=1)
    draws = rng.random(len(subscribers)) * cumulated[:, -1]
    chosen: Ints = (cumulated <= draws[:, None]).sum(axis=1).astype(np.int64)
    return chosen
