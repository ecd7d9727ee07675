"""The season's lives and their credits, after all corrections."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from allive.ingestion.demo import timeline
from allive.ingestion.demo.cast import CAST
from allive.ingestion.demo.stages import (
    FESTIVAL_NAME,
    FESTIVAL_STAGES,
    FESTIVAL_TOWN,
    LIVE_TITLES,
    SONGS,
    VENUES,
)

WHOLE_BP = 10_000
MINIMUM_LIVE_S = 1_800

_LIVES_PER_ACT = {"known": 8, "independent": 8, "emerging": 5}
_FESTIVAL_LIVES = 15
_SHORT_SHOWCASES = 10
_NON_EXCLUSIVE_LIVES = 8
_EXTRAS = {"clip": 24, "studio": 15, "documentary": 6}

CATEGORY_CHANGES = (
    ("Petite Houle", "independent", dt.date(2021, 2, 15)),
    ("Ilyès Carmin", "independent", dt.date(2021, 3, 8)),
    ("Noémie Kerguelen", "known", dt.date(2021, 3, 12)),
)
"""Category changes during the season: the act, its new category, and the first day."""


@dataclass(frozen=True, slots=True)
class Credit:
    """An act's share of a live, in basis points; `act` is its index in `CAST`."""

    act: int
    share_bp: int


@dataclass(frozen=True, slots=True)
class Live:
    """A catalogue item as the audience sees it (after all corrections)."""

    live_id: str
    title: str
    kind: str
    exclusive: bool
    duration_s: int
    published_on: dt.date
    recorded_on: dt.date
    venue: str
    city: str
    genre: str
    credits: tuple[Credit, ...]

    @property
    def counts(self) -> bool:
        """True if its watch time earns money (RULES.md §4)."""
        return self.kind == "live" and self.exclusive and self.duration_s >= MINIMUM_LIVE_S


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The season's lives, ordered by publication."""

    lives: tuple[Live, ...]

    def published_days(self) -> list[int]:
        """Return each live's publication as a season day index (negative: before the opening)."""
        return [timeline.day_index(live.published_on) for live in self.lives]


def artist_id(act: int) -> str:
    """Return the artist id of an act, given by its index in `CAST`."""
    return f"art-{act + 1:03d}"


def act_named(name: str) -> int:
    """Find an act's index in `CAST`."""
    return next(place for place, act in enumerate(CAST) if act.name == name)


def build_catalogue(seed: int) -> Catalogue:
    """Invent about 400 lives: solo concerts, guests, a festival, and items that do not count."""
    rng = timeline.generator(seed, "catalogue")
    drafts = [
        _draft_concert(rng, place)
        for place, act in enumerate(CAST)
        for _ in range(_LIVES_PER_ACT[act.category] + int(rng.integers(0, 3)))
    ]
    drafts += _draft_festival(rng)
    drafts += [_draft_showcase(rng) for _ in range(_SHORT_SHOWCASES)]
    drafts += [replace(_draft_concert(rng, _any_act(rng)), exclusive=False) for _ in range(_NON_EXCLUSIVE_LIVES)]
    drafts += [_draft_extra(rng, kind) for kind, count in _EXTRAS.items() for _ in range(count)]
    drafts.sort(key=lambda live: (live.published_on, live.title))
    return Catalogue(tuple(replace(live, live_id=f"live-{number:04d}") for number, live in enumerate(drafts, start=1)))


def _any_act(rng: np.random.Generator) -> int:
    return int(rng.integers(0, len(CAST)))


def _sample_published_on(rng: np.random.Generator) -> dt.date:
    """Draw a publication day: half of the catalogue is there at the opening, later releases come on Fridays."""
    if rng.random() < 0.55:
        span = (timeline.OPENING_ON - timeline.CATALOGUE_SINCE).days
        return timeline.CATALOGUE_SINCE + dt.timedelta(days=int(rng.integers(0, span)))
    return timeline.OPENING_ON + dt.timedelta(weeks=int(rng.integers(0, 15)))


def _sample_duration_s(rng: np.random.Generator) -> int:
    return int(np.clip(rng.lognormal(np.log(4_500), 0.32), MINIMUM_LIVE_S, 9_600))


def _sample_credits(rng: np.random.Generator, main: int) -> tuple[Credit, ...]:
    """Draw a concert's credits: most have one act, some have a guest, some are shared by two acts."""
    other = (main + 1 + int(rng.integers(0, len(CAST) - 1))) % len(CAST)
    draw = rng.random()
    if draw < 0.80:
        return (Credit(main, WHOLE_BP),)
    guest_bp = int(rng.choice([500, 1_000, 1_500, 2_000])) if draw < 0.92 else 5_000
    return (Credit(main, WHOLE_BP - guest_bp), Credit(other, guest_bp))


def _draft_concert(rng: np.random.Generator, main: int) -> Live:
    act = CAST[main]
    venue, at_venue, city = VENUES[int(rng.integers(0, len(VENUES)))]
    published_on = _sample_published_on(rng)
    title = str(rng.choice(LIVE_TITLES)).format(at_venue=at_venue, city=city)
    return Live(
        live_id="",
        title=f"{act.name} : {title}",
        kind="live",
        exclusive=True,
        duration_s=_sample_duration_s(rng),
        published_on=published_on,
        recorded_on=published_on - dt.timedelta(days=int(rng.integers(5, 60))),
        venue=venue,
        city=city,
        genre=act.genre,
        credits=_sample_credits(rng, main),
    )


def _draft_festival(rng: np.random.Generator) -> list[Live]:
    """Draft one event of many lives, each shared by two to four acts of the evening."""
    lives = []
    for number in range(_FESTIVAL_LIVES):
        day = number % 3
        acts = rng.choice(len(CAST), size=int(rng.integers(2, 5)), replace=False)
        even_bp = WHOLE_BP // len(acts)
        shares = [WHOLE_BP - even_bp * (len(acts) - 1)] + [even_bp] * (len(acts) - 1)
        stage = FESTIVAL_STAGES[number // 3 % len(FESTIVAL_STAGES)]
        lives.append(
            Live(
                live_id="",
                title=f"{FESTIVAL_NAME}, {stage} : " + ", ".join(CAST[act].name for act in acts),
                kind="live",
                exclusive=True,
                duration_s=int(rng.integers(3_600, 9_000)),
                published_on=timeline.FESTIVAL_ON + dt.timedelta(days=day),
                recorded_on=timeline.FESTIVAL_ON - dt.timedelta(days=7 - day),
                venue=stage,
                city=FESTIVAL_TOWN,
                genre=CAST[int(acts[0])].genre,
                credits=tuple(Credit(int(act), share) for act, share in zip(acts, shares, strict=True)),
            )
        )
    return lives


def _draft_showcase(rng: np.random.Generator) -> Live:
    live = _draft_concert(rng, _any_act(rng))
    return replace(
        live,
        title=f"{CAST[live.credits[0].act].name} : Showcase à {live.city}",
        duration_s=int(rng.integers(900, MINIMUM_LIVE_S)),
    )


def _draft_extra(rng: np.random.Generator, kind: str) -> Live:
    """Draft an extra: a clip, a studio session or a documentary."""
    main = _any_act(rng)
    song = str(rng.choice(SONGS))
    title, shortest_s, longest_s = {
        "clip": (f"{CAST[main].name} : {song} (clip)", 170, 330),
        "studio": (f"{CAST[main].name} : {song} (session studio)", 900, 3_000),
        "documentary": (f"En tournée avec {CAST[main].name}", 2_400, 4_800),
    }[kind]
    return replace(
        _draft_concert(rng, main),
        title=title,
        kind=kind,
        duration_s=int(rng.integers(shortest_s, longest_s)),
        credits=(Credit(main, WHOLE_BP),),
    )
