"""The files that deliver the catalogue over the season: first exports, additions, mistakes, corrections."""

import datetime as dt
import unicodedata
from collections.abc import Sequence

import numpy as np

from allive.ingestion.demo import bank_details, timeline
from allive.ingestion.demo.cast import CAST, STREETS, Act
from allive.ingestion.demo.catalogue import CATEGORY_CHANGES, WHOLE_BP, Catalogue, Live, act_named, artist_id
from allive.ingestion.demo.record_files import BrokenRecord, Record, RecordFile

_FIRST_EXPORT_AT = "2020-12-15T08:00:00.000Z"
_DEMO_BIC = {"FR": "DEMOFRPPXXX", "BE": "DEMOBEBBXXX", "DE": "DEMODEFFXXX"}

_ARTISTS_WITHOUT_IBAN = ("Sous les Platanes", "Minuit Passé", "Duo Sarabande")
_ARTIST_WITH_WRONG_IBAN = "Orage Mécanique"
_ARTIST_IN_BELGIUM = "Vent de Noroît"
_ARTIST_IN_GERMANY = "Le Bal des Cigognes"
_ARTIST_WITH_NEW_IBAN = "Zéphyrine"
_ARTIST_WHO_LEAVES = "Les Cousins Tardif"
_LEFT_ON = dt.date(2021, 2, 12)


def catalogue_files(catalogue: Catalogue, seed: int) -> list[RecordFile]:
    """Make all files of the catalogue as they would be delivered over the season."""
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
        "updated_at": _FIRST_EXPORT_AT,
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
            "left_on": _LEFT_ON.isoformat(),
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
        _category_record(place, act.category, timeline.CATALOGUE_SINCE, _FIRST_EXPORT_AT)
        for place, act in enumerate(CAST)
    ]
    decisions = [
        _category_record(act_named(name), category, day, f"{day - dt.timedelta(days=6)}T09:00:00.000Z")
        for name, category, day in CATEGORY_CHANGES
    ]
    # Entered for the wrong artist and withdrawn two days later: it never takes effect.
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
    """The month of a live's delivery: a week before it goes online; for the back catalogue, the opening."""
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
    # Two mistakes in the first delivery, corrected in February: a duration and a title.
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
    # A guest was forgotten at the opening: the newer, complete set replaces the first one.
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
