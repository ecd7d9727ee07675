"""The season's playbacks, before they become heartbeats: who plays what, when and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allive.ingestion.demo import timeline
from allive.ingestion.demo.audience import Audience, Ints, build_audience, choose_lives
from allive.ingestion.demo.catalogue import Catalogue
from allive.ingestion.demo.subscriptions import SUBSCRIBERS, Period

DEVICES = ("tv", "web", "android", "ios", "other")
_DEVICE_SHARES = (0.33, 0.27, 0.19, 0.17, 0.04)
_MAIN_DEVICE_SHARE = 0.8
SURFACES = ("home", "search", "artist", "category", "recommendation", "external")
_SURFACE_SHARES = (0.36, 0.14, 0.08, 0.14, 0.20, 0.08)
_FAVOURITE_SURFACE_SHARES = (0.24, 0.16, 0.34, 0.06, 0.14, 0.06)
_BEAT_MS = 10_000
_SESSIONS_PER_MONTH = 0.85
_MAX_SESSIONS = 14
_FURTHER_PLAYBACK = 0.27


@dataclass(frozen=True, slots=True)
class Playbacks:
    """One array per attribute, with one element per playback; ordered by session.

    `live` is an index in the catalogue, `device` and `surface` in their lists; `session_start_ms` is when the session
    began; `beats` is how many regular heartbeats the playback is planned to send.
    """

    subscriber: Ints
    live: Ints
    session: Ints
    session_start_ms: Ints
    is_last_of_session: np.ndarray[tuple[int], np.dtype[np.bool_]]
    start_position_ms: Ints
    duration_ms: Ints
    beats: Ints
    device: Ints
    surface: Ints

    def __len__(self) -> int:
        return len(self.subscriber)


def build_playbacks(seed: int, catalogue: Catalogue, periods: Sequence[Period]) -> Playbacks:
    """Invent the season's playbacks: sessions on paid or trial days, of one to four playbacks."""
    rng = timeline.generator(seed, "viewing")
    lives = catalogue.lives
    audience = build_audience(rng, lives)
    session_subscriber, session_day = _sample_sessions(rng, audience, periods)
    sizes = np.minimum(rng.geometric(1 - _FURTHER_PLAYBACK, size=len(session_day)), 4)
    session_start_ms = timeline.midnights_ms()[session_day] + timeline.sample_start_offsets_ms(rng, session_day)
    session = np.repeat(np.arange(len(session_day)), sizes)
    subscriber = session_subscriber[session]
    live = choose_lives(
        rng,
        audience,
        subscribers=subscriber,
        days=session_day[session],
        published_days=np.array(catalogue.published_days()),
    )
    duration_ms = np.array([live.duration_s * 1000 for live in lives], dtype=np.int64)[live]
    start_position_ms = _sample_start_positions(rng, duration_ms)
    main_act = np.array([live.credits[0].act for live in lives])[live]
    return Playbacks(
        subscriber=subscriber,
        live=live,
        session=session,
        session_start_ms=session_start_ms[session],
        is_last_of_session=np.append(session[1:] != session[:-1], True),
        start_position_ms=start_position_ms,
        duration_ms=duration_ms,
        beats=_sample_beats(rng, duration_ms - start_position_ms),
        device=_sample_devices(rng, subscriber),
        surface=_sample_surfaces(rng, audience.favourite[subscriber, main_act]),
    )


def _sample_sessions(rng: np.random.Generator, audience: Audience, periods: Sequence[Period]) -> tuple[Ints, Ints]:
    """Draw the (subscriber, season day) of each session: at least one per period, unless idle."""
    appetites = timeline.day_appetites()
    subscribers: list[Ints] = []
    days: list[Ints] = []
    for period in periods:
        first = timeline.day_index(period.start)
        last = min(timeline.day_index(period.usable_until), len(timeline.DAYS))
        if last <= first or rng.random() < audience.idleness[period.subscriber]:
            continue
        wanted = _SESSIONS_PER_MONTH * audience.activity[period.subscriber] * (last - first) / 30
        # A period that is still open at the season's end has had less time for its first session.
        surely = 1 if rng.random() < (last - first) / 12 else 0
        count = min(surely + int(rng.poisson(wanted)), _MAX_SESSIONS, last - first)
        chances = appetites[first:last]
        chosen = rng.choice(last - first, size=count, replace=False, p=chances / chances.sum())
        days.append(first + np.sort(chosen).astype(np.int64))
        subscribers.append(np.full(count, period.subscriber, dtype=np.int64))
    return np.concatenate(subscribers), np.concatenate(days)


def _sample_start_positions(rng: np.random.Generator, duration_ms: Ints) -> Ints:
    """Draw where each playback starts: most at the beginning, some where they had stopped."""
    resumes = rng.random(len(duration_ms)) < 0.12
    return np.where(resumes, duration_ms * rng.uniform(0.1, 0.7, size=len(duration_ms)), 0).astype(np.int64)


def _sample_beats(rng: np.random.Generator, remaining_ms: Ints) -> Ints:
    """Draw how long each playback lasts: some viewers leave immediately, most see a part, some stay until the end."""
    size = len(remaining_ms)
    mood = rng.random(size)
    watched_ms = np.select(
        [mood < 0.33, mood < 0.83],
        [rng.exponential(80_000, size=size), remaining_ms * rng.beta(1.3, 3.2, size=size)],
        remaining_ms * rng.uniform(0.85, 1.02, size=size),
    )
    beats: Ints = np.maximum(watched_ms // _BEAT_MS, 2).astype(np.int64)
    return beats


def _sample_devices(rng: np.random.Generator, subscriber: Ints) -> Ints:
    mains = rng.choice(len(DEVICES), size=SUBSCRIBERS, p=_DEVICE_SHARES)
    others = rng.choice(len(DEVICES), size=len(subscriber), p=_DEVICE_SHARES)
    return np.where(rng.random(len(subscriber)) < _MAIN_DEVICE_SHARE, mains[subscriber], others)


def _sample_surfaces(rng: np.random.Generator, is_favourite: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Ints:
    """Draw the surface of each playback: a favourite is more often started on its artist's page."""
    size = len(is_favourite)
    return np.where(
        is_favourite,
        rng.choice(len(SURFACES), size=size, p=_FAVOURITE_SURFACE_SHARES),
        rng.choice(len(SURFACES), size=size, p=_SURFACE_SHARES),
    )
