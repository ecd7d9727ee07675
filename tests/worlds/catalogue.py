"""Artists, their categories, lives and credits: with corrections, ties, leavers and edges."""

import random
from datetime import date, timedelta
from typing import Any

from tests.worlds.clock import month_days, paris_midnight, written, written_day

Row = dict[str, Any]
LONG_AGO = date(2019, 6, 1)
SPLITS: tuple[tuple[int, ...], ...] = (
    (10_000,),
    (5_000, 5_000),
    (3_333, 6_667),
    (999, 9_001),
    (1_000, 9_000),
    (3_333, 3_333, 3_334),
    (1, 4_999, 5_000),
)
ARTIST_IDS = ("art-2", "art-10", "Art-3", "art-É", "77", "art-1", "art_1", "art-Z", "008")
DURATIONS = ("1799", "1799.5", "1799.999", "1800", "1800.0", "1800.5", "3600", "7200")
LIVE_IDS = ("live-2", "live-10", "LIVE-2", "4711", "live-é", *(f"live-{n:03}" for n in range(30)))
SURE_ARTIST = "art-sure"
SURE_LIVES = ("live-sure-a", "live-sure-b", "live-sure-c")
UNFINISHED_LIVE = "live-unfinished"


def artist_rows(rng: random.Random, months: tuple[str, ...], count: int) -> list[Row]:
    """`count` artists and one who is always there; some left, some changed their bank account."""
    first, _ = month_days(months[0])
    payees = random.Random()
    payees.setstate(rng.getstate())  # draws of its own: other rows stay as they are
    rows = [_artist(SURE_ARTIST, iban=french_iban(rng), updated_at=written(paris_midnight(LONG_AGO)))]
    for artist_id in ARTIST_IDS[:count]:
        month_first, month_end = month_days(rng.choice(months))
        row = _artist(artist_id, iban=_some_iban(rng))
        row["name"] = rng.choice(("Zoé & Fils", 'Le "Quai"', "Ours; brun", "L'Écho, trio", "Ève"))
        row["left_on"] = rng.choice(
            (
                *[None] * 6,
                written_day(first - timedelta(days=1), rng),
                written_day(month_first, rng),
                written_day(month_end - timedelta(days=1), rng),
            )
        )
        row["updated_at"] = rng.choice((None, written(paris_midnight(LONG_AGO), rng)))
        row |= _payment_details(payees)
        rows.append(row)
        if rng.random() < 0.4:
            rows.append(_corrected_artist(row, rng, months))
        if payees.random() < 0.2:  # an undated record: of another IBAN, or of the same one beside another
            rows.append(row | {"iban": payees.choice((row["iban"], french_iban(payees))), "updated_at": None})
    return rows


def category_rows(rng: random.Random, months: tuple[str, ...], artists: list[str]) -> list[Row]:
    """Every artist has had a category for a long time; many change it, and some changes are deleted."""
    rows = [_category(SURE_ARTIST, "emerging", LONG_AGO)]
    for artist_id in artists:
        category = rng.choice(("emerging", "emerging", "independent", "known"))
        rows.append(_category(artist_id, category, LONG_AGO))
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            first, end = month_days(rng.choice(months))
            day = rng.choice((first, end - timedelta(days=1), end, _day_in(rng, first, end)))
            change = _category(artist_id, rng.choice(("emerging", "independent", "known")), day, rng)
            rows.append(change)
            match rng.random():
                case chance if chance < 0.25:  # deleted later
                    stamp = written(paris_midnight(day + timedelta(days=3)))
                    rows.append(change | {"is_deleted": True, "updated_at": stamp})
                case chance if chance < 0.35:  # deleted before it was confirmed
                    stamp = written(paris_midnight(day + timedelta(days=3)))
                    rows += [
                        change | {"is_deleted": True},
                        change | {"is_deleted": False, "updated_at": stamp},
                    ]
                case chance if chance < 0.5:  # tied: the greatest content wins
                    rows.append(change | {"category": rng.choice(("emerging", "known"))})
    return rows


def live_rows(rng: random.Random, months: tuple[str, ...], count: int) -> list[Row]:
    """Lives at every edge of the counting rules, corrected out of order, and three that always count."""
    rows = [_live(live_id, "3600") for live_id in (*SURE_LIVES, UNFINISHED_LIVE)]
    for live_id in LIVE_IDS[:count]:
        row = _some_live(live_id, rng, months)
        rows.append(row)
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            other = _some_live(live_id, rng, months)
            other["updated_at"] = rng.choice(
                (None, row["updated_at"], written(paris_midnight(LONG_AGO) + timedelta(days=30)))
            )
            rows.append(other)
    return rows


def credit_rows(rng: random.Random, lives: list[str], artists: list[str]) -> list[Row]:
    """One complete credit set in force for every live, among older, replaced and merged ones."""
    everyone = [SURE_ARTIST, *artists]
    rows = [_credit(SURE_LIVES[0], SURE_ARTIST, 10_000)]
    rows += [_credit(live_id, rng.choice(everyone), 10_000) for live_id in SURE_LIVES[1:]]
    rows.append(_credit(UNFINISHED_LIVE, rng.choice(["art-nobody", *artists]), 9_000))
    for live_id in lives:
        in_force = rng.choice((None, written(paris_midnight(date(2020, 6, 1)), rng)))
        rows += _credit_set(live_id, everyone, rng, in_force)
        if in_force is not None:
            for older in rng.choice(((), (None,), (written(paris_midnight(LONG_AGO)),))):
                rows += _credit_set(live_id, everyone, rng, older)
    return rows


def edge_rows(rng: random.Random, months: tuple[str, ...]) -> dict[str, list[Row]]:
    """Artists who are each in the pool, or out of it, because of a single edge of RULES.md §5.4."""
    first, end = month_days(months[1])
    last = end - timedelta(days=1)
    always = [("emerging", LONG_AGO)]
    edges: dict[str, tuple[int, date, list[tuple[str, date]]]] = {
        "art-1000-bp": (1_000, LONG_AGO, always),
        "art-999-bp": (999, LONG_AGO, always),
        "art-online-last-day": (9_999, last, always),
        "art-online-next-day": (9_999, end, always),
        "art-turns-last-day": (9_999, LONG_AGO, [("known", LONG_AGO), ("independent", last)]),
        "art-turned-first-day": (9_999, LONG_AGO, [*always, ("known", first)]),
        "art-turns-next-day": (9_999, LONG_AGO, [*always, ("known", end)]),
    }
    rows: dict[str, list[Row]] = {
        "artists": [],
        "artist_categories": [],
        "lives": [],
        "live_credits": [],
    }
    for artist_id in rng.sample(sorted(edges), 4):
        share_bp, published_on, categories = edges[artist_id]
        live_id = f"live-of-{artist_id}"
        rows["artists"].append(_artist(artist_id, iban=_some_iban(rng)))
        rows["artist_categories"] += [_category(artist_id, *change, rng) for change in categories]
        rows["lives"].append(_live(live_id, "1800") | {"published_on": written_day(published_on, rng)})
        rows["live_credits"] += [
            _credit(live_id, artist_id, share_bp),
            _credit(live_id, SURE_ARTIST, 10_000 - share_bp),
        ]
    return rows


def french_iban(rng: random.Random, *, is_valid: bool = True) -> str:
    """An IBAN with its national key; right or wrong check digits, sometimes written with spaces."""
    bank, branch, account = rng.randrange(10**5), rng.randrange(10**5), rng.randrange(10**11)
    key = 97 - (89 * bank + 15 * branch + 3 * account) % 97
    bban = f"{bank:05}{branch:05}{account:011}{key:02}"
    check = 98 - int(f"{bban}152700") % 97  # F = 15, R = 27
    iban = f"FR{check if is_valid else check % 90 + 3:02}{bban}"
    if rng.random() < 0.3:
        return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    return iban


def iban_outside_sepa(rng: random.Random) -> str:
    """A right Turkish IBAN that belongs to no one."""
    bban = f"{rng.randrange(10**5):05}0{rng.randrange(10**16):016}"
    return f"TR{98 - int(f'{bban}292700') % 97:02}{bban}"  # T = 29, R = 27


def _payment_details(rng: random.Random) -> Row:
    """BICs that fit or not, names and numbers of the payee; sometimes an IBAN outside SEPA."""
    details: Row = {
        "bic": rng.choice((None, None, "BNPAFRPP", "bnpa frpp xxx", "DEUTDEFF", "BNP")),
        "account_holder": rng.choice((None, None, "Zoé Martin")),
        "legal_name": rng.choice((None, "Les Quais SARL")),
        "siren": rng.choice((None, "732829320", "732 829 320")),
        "tax_country": rng.choice((None, "fr", "BE", "XK")),
        "contact_email": rng.choice((None, "compta@quais.example")),
    }
    return details | ({"iban": iban_outside_sepa(rng)} if rng.random() < 0.15 else {})


def _some_iban(rng: random.Random) -> str | None:
    match rng.random():
        case chance if chance < 0.15:
            return None
        case chance if chance < 0.25:
            return french_iban(rng, is_valid=False)
        case chance if chance < 0.3:
            return "FR76 hello"
        case _:
            return french_iban(rng)


def _artist(artist_id: str, **values: Any) -> Row:
    return {"artist_id": artist_id, "name": f"Artiste {artist_id}"} | values


def _corrected_artist(row: Row, rng: random.Random, months: tuple[str, ...]) -> Row:
    """A later record: a new bank account that is about as old as the required 10 days, or only a new town."""
    _, end = month_days(rng.choice(months))
    payment = paris_midnight(end + timedelta(days=9))
    stamp = payment - timedelta(days=rng.choice((3, 9, 10, 11, 60)))
    changed = {"iban": french_iban(rng)} if rng.random() < 0.7 else {"town": "Sète"}
    return row | changed | {"updated_at": written(stamp, rng)}


def _category(artist_id: str, category: str, day: date, rng: random.Random | None = None) -> Row:
    return {"artist_id": artist_id, "category": category, "valid_from": written_day(day, rng)}


def _live(live_id: str, duration_s: str) -> Row:
    return {
        "live_id": live_id,
        "title": f"Concert {live_id}",
        "kind": "live",
        "exclusive": True,
        "duration_s": duration_s,
    }


def _some_live(live_id: str, rng: random.Random, months: tuple[str, ...]) -> Row:
    _, end = month_days(rng.choice(months))
    return _live(live_id, rng.choice(DURATIONS)) | {
        "title": rng.choice(("Nuit d'été", 'Dit "l\'Ours"', "Un, deux", "Fin\nde saison", "Ça ira")),
        "kind": rng.choice(("live", "live", "live", "live", "documentary", "clip", "studio")),
        "exclusive": rng.random() < 0.85,
        "published_on": rng.choice(
            (
                None,
                written_day(LONG_AGO),
                written_day(end - timedelta(days=1), rng),
                written_day(end, rng),
            )
        ),
        "updated_at": rng.choice((None, written(paris_midnight(date(2020, 5, 5)), rng))),
    }


def _credit(live_id: str, artist_id: str, share_bp: int, updated_at: str | None = None) -> Row:
    return {
        "live_id": live_id,
        "artist_id": artist_id,
        "share_bp": share_bp,
        "updated_at": updated_at,
    }


def _credit_set(live_id: str, artists: list[str], rng: random.Random, updated_at: str | None) -> list[Row]:
    split = rng.choice([one for one in SPLITS if len(one) <= len(artists)])
    chosen = rng.sample(artists, len(split))
    return [
        _credit(live_id, artist_id, share_bp, updated_at) for artist_id, share_bp in zip(chosen, split, strict=True)
    ]


def _day_in(rng: random.Random, first: date, end: date) -> date:
    return first + timedelta(days=rng.randrange((end - first).days))
