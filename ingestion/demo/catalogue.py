"""Artists, categories, lives and credits of the season, and the files that bring them."""

import datetime as dt
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingestion.demo import bank_details, timeline
from ingestion.demo.cast import CAST, STREETS, Act
from ingestion.demo.record_files import BrokenRecord, Record, RecordFile
from ingestion.demo.stages import (
    FESTIVAL_NAME,
    FESTIVAL_STAGES,
    FESTIVAL_TOWN,
    LIVE_TITLES,
    SONGS,
    VENUES,
)

FIRST_EXPORT_AT = "2020-12-15T08:00:00.000Z"
WHOLE_BP = 10_000
MINIMUM_LIVE_S = 1_800
_DEMO_BIC = {"FR": "DEMOFRPPXXX", "BE": "DEMOBEBBXXX", "DE": "DEMODEFFXXX"}

_LIVES_PER_ACT = {"known": 8, "independent": 8, "emerging": 5}
_FESTIVAL_LIVES = 15
_SHORT_SHOWCASES = 10
_NON_EXCLUSIVE_LIVES = 8
_EXTRAS = {"clip": 24, "studio": 15, "documentary": 6}

_ARTISTS_WITHOUT_IBAN = ("Sous les Platanes", "Minuit Passé", "Duo Sarabande")
_ARTIST_WITH_WRONG_IBAN = "Orage Mécanique"
_ARTIST_IN_BELGIUM = "Vent de Noroît"
_ARTIST_IN_GERMANY = "Le Bal des Cigognes"
_ARTIST_WITH_NEW_IBAN = "Zéphyrine"
_ARTIST_WHO_LEAVES = "Les Cousins Tardif"
LEFT_ON = dt.date(2021, 2, 12)

CATEGORY_CHANGES = (
    ("Petite Houle", "independent", dt.date(2021, 2, 15)),
    ("Ilyès Carmin", "independent", dt.date(2021, 3, 8)),
    ("Noémie Kerguelen", "known", dt.date(2021, 3, 12)),
)
"""Who changes category during the season, to what, from which day on."""


@dataclass(frozen=True, slots=True)
class Credit:
    """An act's part in a live, in basis points; the act by its place in `CAST`."""

    act: int
    share_bp: int


@dataclass(frozen=True, slots=True)
class Live:
    """A catalogue item as the audience meets it (after all corrections)."""

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
        """Whether its watch time is worth money (RULES.md §4)."""
        return self.kind == "live" and self.exclusive and self.duration_s >= MINIMUM_LIVE_S


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The season's lives, ordered by publication."""

    lives: tuple[Live, ...]

    def published_days(self) -> list[int]:
        """Return each live's publication as a season day index (negative: before the opening)."""
        return [timeline.day_index(live.published_on) for live in self.lives]


def artist_id(act: int) -> str:
    """Name the artist of the cast's act number `act`."""
    return f"art-{act + 1:03d}"


def act_named(name: str) -> int:
    """Find an act's place in the cast."""
    return next(place for place, act in enumerate(CAST) if act.name == name)


def build_catalogue(seed: int) -> Catalogue:
    """Invent about 400 lives: solo concerts, guests, a festival, and what does not count."""
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
    """Half of the catalogue is there at the opening; later releases come on Fridays."""
    if rng.random() < 0.55:
        span = (timeline.OPENING_ON - timeline.CATALOGUE_SINCE).days
        return timeline.CATALOGUE_SINCE + dt.timedelta(days=int(rng.integers(0, span)))
    return timeline.OPENING_ON + dt.timedelta(weeks=int(rng.integers(0, 15)))


def _sample_duration_s(rng: np.random.Generator) -> int:
    return int(np.clip(rng.lognormal(np.log(4_500), 0.32), MINIMUM_LIVE_S, 9_600))


def _sample_credits(rng: np.random.Generator, main: int) -> tuple[Credit, ...]:
    """Most concerts are one act's alone; some have a guest, some are shared by two."""
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
    """Draft what surrounds the lives: a clip, a studio session, a documentary."""
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


# Files --------------------------------------------------------------------------------------------


def catalogue_files(catalogue: Catalogue, seed: int) -> list[RecordFile]:
    """Lay out everything about the catalogue as it would be delivered over the season."""
    return [
        *_artist_files(seed),
        *_category_files(),
        *_live_files(catalogue),
        *_credit_files(catalogue),
    ]


def _mailbox(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())


def _iban(rng: np.random.Generator, act: Act) -> str | None:
    account = int(rng.integers(10**9, 10**10))
    if act.name in _ARTISTS_WITHOUT_IBAN:
        return None
    if act.name == _ARTIST_IN_BELGIUM:
        return bank_details.belgian_iban(999, account % 10**7)
    if act.name == _ARTIST_IN_GERMANY:
        return bank_details.german_iban(99_999_999, account)
    iban = bank_details.french_iban(99_999, int(rng.integers(1, 10**4)), account)
    return bank_details.with_wrong_check_digits(iban) if act.name == _ARTIST_WITH_WRONG_IBAN else iban


def _artist_record(rng: np.random.Generator, place: int) -> Record:
    act = CAST[place]
    iban = _iban(rng, act)
    return {
        "artist_id": artist_id(place),
        "name": act.name,
        "email": f"{_mailbox(act.name)}@example.org",
        "iban": iban,
        "bic": _DEMO_BIC[iban[:2]] if iban else None,
        "street": f"{int(rng.integers(1, 120))} {rng.choice(STREETS)}",
        "postcode": act.postcode,
        "town": act.town,
        "country": "FR",
        "left_on": None,
        "updated_at": FIRST_EXPORT_AT,
    }


def _artist_files(seed: int) -> list[RecordFile]:
    rng = timeline.generator(seed, "artists")
    first = [_artist_record(rng, place) for place in range(len(CAST))]
    by_name = {record["name"]: record for record in first}
    new_account = bank_details.french_iban(99_998, 4_321, int(rng.integers(10**9, 10**10)))
    corrections: list[Record] = [
        {
            **by_name[_ARTIST_WITH_NEW_IBAN],
            "iban": new_account,
            "updated_at": "2021-02-04T15:12:09.000Z",
        },
        {
            **by_name[_ARTIST_WHO_LEAVES],
            "left_on": LEFT_ON.isoformat(),
            "updated_at": "2021-02-10T09:30:00.000Z",
        },
        {
            **by_name["Anouk Vasseral"],
            "street": "8 quai des Tanneurs",
            "town": "Chambéry",
            "postcode": "73000",
            "updated_at": "2021-02-22T11:05:40.000Z",
        },
    ]
    nameless: Record = {**first[20], "name": None}
    return [
        RecordFile(
            "artists/artists-2020-12-15.csv",
            tuple(first),
            (BrokenRecord(nameless, "missing_name"),),
        ),
        RecordFile("artists/corrections-2021-02.ndjson", tuple(corrections)),
    ]


def _category_record(
    place: int, category: str, valid_from: dt.date, updated_at: str, *, is_deleted: bool = False
) -> Record:
    return {
        "artist_id": artist_id(place),
        "category": category,
        "valid_from": valid_from.isoformat(),
        "is_deleted": is_deleted,
        "updated_at": updated_at,
    }


def _category_files() -> list[RecordFile]:
    first = [
        _category_record(place, act.category, timeline.CATALOGUE_SINCE, FIRST_EXPORT_AT)
        for place, act in enumerate(CAST)
    ]
    decisions = [
        _category_record(act_named(name), category, day, f"{day - dt.timedelta(days=6)}T09:00:00.000Z")
        for name, category, day in CATEGORY_CHANGES
    ]
    # Entered for the wrong artist and withdrawn two days later: it never existed.
    mistake = (act_named("Saphir 93"), "independent", dt.date(2021, 3, 8))
    slip = _category_record(*mistake, "2021-03-02T09:00:00.000Z")
    withdrawal = _category_record(*mistake, "2021-03-04T16:40:00.000Z", is_deleted=True)
    return [
        RecordFile("artist_categories/categories-2020-12-15.csv", tuple(first)),
        RecordFile(
            "artist_categories/changes-2021-02.csv",
            (decisions[0],),
            (BrokenRecord({**decisions[0], "category": "étoile"}, "bad_category"),),
        ),
        RecordFile("artist_categories/changes-2021-03.ndjson", (*decisions[1:], slip, withdrawal)),
    ]


def _delivered_in(live: Live) -> str:
    """Lives are delivered a week before they go online; the back catalogue at the opening."""
    return max(live.published_on - dt.timedelta(days=7), dt.date(2020, 12, 15)).isoformat()[:7]


def _entered_at(live: Live) -> str:
    entered_on = max(live.published_on - dt.timedelta(days=8), dt.date(2020, 12, 14))
    return f"{entered_on}T14:00:00.000Z"


def _live_record(live: Live) -> Record:
    return {
        "live_id": live.live_id,
        "title": live.title,
        "kind": live.kind,
        "exclusive": live.exclusive,
        "duration_s": live.duration_s,
        "published_on": live.published_on.isoformat(),
        "recorded_on": live.recorded_on.isoformat(),
        "venue": live.venue,
        "city": live.city,
        "genre": live.genre,
        "updated_at": _entered_at(live),
    }


def _credit_records(live: Live) -> list[Record]:
    return [
        {
            "live_id": live.live_id,
            "artist_id": artist_id(credit.act),
            "share_bp": credit.share_bp,
            "updated_at": _entered_at(live),
        }
        for credit in live.credits
    ]


def _at_opening(lives: Sequence[Live]) -> list[Live]:
    return [live for live in lives if live.published_on < timeline.OPENING_ON and live.counts]


def _live_files(catalogue: Catalogue) -> list[RecordFile]:
    by_month: dict[str, list[Record]] = {}
    for live in catalogue.lives:
        by_month.setdefault(_delivered_in(live), []).append(_live_record(live))
    # Two slips of the first delivery, mended in February: a duration and a title.
    too_short, misspelt = (_live_record(live) for live in _at_opening(catalogue.lives)[10:12])
    mended = [{**record, "updated_at": "2021-02-17T10:00:00.000Z"} for record in (too_short, misspelt)]
    slips = {
        too_short["live_id"]: {**too_short, "duration_s": 1_799},
        misspelt["live_id"]: {**misspelt, "title": str(misspelt["title"]).replace("e", "ee", 1)},
    }
    first = [slips.get(record["live_id"], record) for record in by_month["2020-12"]]
    broken = {
        "2020-12": ({**first[3], "live_id": "live-9001", "kind": "concert"}, "bad_kind"),
        "2021-01": ({**first[5], "live_id": "live-9002", "duration_s": "1h20"}, "bad_duration_s"),
        "2021-02": ({**first[7], "live_id": "live-9003", "title": None}, "missing_title"),
    }
    return [
        RecordFile(
            f"lives/catalogue-{month}.{'ndjson.gz' if month == '2020-12' else 'csv'}",
            tuple(first if month == "2020-12" else records),
            (BrokenRecord(*broken[month]),) if month in broken else (),
        )
        for month, records in sorted(by_month.items())
    ] + [RecordFile("lives/corrections-2021-02.csv", tuple(mended))]


def _credit_files(catalogue: Catalogue) -> list[RecordFile]:
    by_month: dict[str, list[Record]] = {}
    for live in catalogue.lives:
        by_month.setdefault(_delivered_in(live), []).extend(_credit_records(live))
    # A guest was forgotten at the opening: the newer, whole set replaces the first one.
    shared = next(live for live in _at_opening(catalogue.lives) if len(live.credits) == 2)
    forgotten = [
        {**record, "share_bp": WHOLE_BP} for record in by_month["2020-12"] if record["live_id"] == shared.live_id
    ][:1]
    first = [r for r in by_month["2020-12"] if r["live_id"] != shared.live_id] + forgotten
    mended = [{**record, "updated_at": "2021-01-19T10:00:00.000Z"} for record in _credit_records(shared)]
    broken = {
        "2020-12": ({**first[4], "share_bp": 0}, "bad_share_bp"),
        "2021-02": ({**by_month["2021-02"][2], "artist_id": None}, "missing_artist_id"),
    }
    return [
        RecordFile(
            f"live_credits/credits-{month}.{'ndjson' if month == '2021-01' else 'csv'}",
            tuple(first if month == "2020-12" else records),
            (BrokenRecord(*broken[month]),) if month in broken else (),
        )
        for month, records in sorted(by_month.items())
    ] + [RecordFile("live_credits/corrections-2021-01.csv", tuple(mended))]
