"""Records for comparing contracts with their JSON Schemas: good ones, and ones with odd values. Seeded.

Nothing here reads a contract or a schema. The values come from the interface's description of each field, and from the
ways in which deliverers get them wrong. Values whose notation JSON Schema cannot see are left out:
`test_schemas.NOTATION` has them.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

Record = dict[str, Any]
Draw = Callable[[random.Random], Any]

BLANKS: Final = (
    " \t\n\r\x01\x1f\x7f\xa0\xad\u034f\u061c\u1160\u1680\u180e\u200b\u200e\u2028\u202f\u2060\u2800\u3000\ufeff"
)
ASTRAL_BLANKS: Final = "\U000e0000\U000e0041\U000e007f"
NEARLY_BLANK: Final = "\u0300\u0600\u1161\u2010\u2030\u3001\ufefe\U000e0080"
ODD: Final = (
    None, "", " ", "\u200b \t", "\0", "a\0b", "\0 ", " \x01", True, False, 0, 1, -1, 2, 5, 1.5, -0.25, 10**31,
    -(10**20), [], [1], {}, {"a": 1}, "true", "null", "NaN", "inf", "[1]", "{}", "x", "É", "\U0001f3b8", "e\u0301", "½",
     "\uff11\uff12", "٣", "ﬁ", "ß", "\u0131", "a b", "1,5", "0x1F", "1_000", "-", "+", ".", "e5", "--1", "yes", "NULL",
    "\ufffd", *NEARLY_BLANK,
)  # fmt: skip


def _text(rng: random.Random) -> str:
    letters = "aZé0 -_.:/\u4e2d\U0001f3b8'\"\\" + BLANKS
    return "".join(rng.choice(letters) for _ in range(rng.choice((1, 3, 8, 40))))


def _blanks(rng: random.Random) -> str:
    return "".join(rng.choice(BLANKS + ASTRAL_BLANKS) for _ in range(rng.choice((0, 0, 0, 1, 2))))


def _around(value: Draw) -> Draw:
    """Text with blanks around it, sometimes."""
    return lambda rng: f"{_blanks(rng)}{value(rng)}{_blanks(rng)}"


def _ids(rng: random.Random) -> Any:
    number = rng.randrange(10 ** rng.choice((1, 4, 18)))
    forms = (
        f"id-{number}", number, -number, str(number), f"{number}.0", f"-{number}.00", f"+{number}.0", f"{number}.50",
        f"{number}.", f".{number}", f"v{number}.0", f"{number}.0.0", f"{number}e3", f"{number}\0", _text(rng),
    )  # fmt: skip
    chosen = rng.choice(forms)
    return f"{_blanks(rng)}{chosen}{_blanks(rng)}" if isinstance(chosen, str) else chosen


def _labels(rng: random.Random) -> Any:
    letter = rng.choice("aé\u4e2d\U0001f3b8")
    length = rng.choice((1, 2, 3, 31, 62, 63, 64, 65, 66, 200))
    return rng.choice(
        (f"{_blanks(rng)}{letter * length}{_blanks(rng)}", f"a{' ' * length}b", f"{'a' * length}\0", _ids(rng))
    )


def _sirens(rng: random.Random) -> Any:
    """Numbers with a right check digit, or with another form: a schema cannot see a wrong check digit."""
    right = rng.choice(("732829320", "356000000", "005520135", "552 100 554", "552\xa0081\u202f317"))
    digits = right.replace(" ", "").replace("\xa0", "").replace("\u202f", "")
    forms = (right, right, f"{_blanks(rng)}{right}{_blanks(rng)}", int(digits), digits[1:], f"{digits}0", f"FR{digits}",
             f"{digits}.0", f"{digits[:8]}٣", f"-{digits[1:]}", f"{digits}\0", _text(rng))  # fmt: skip
    return rng.choice(forms)


def _words(*words: str) -> Draw:
    def draw(rng: random.Random) -> Any:
        word = rng.choice(words)
        cased = "".join(rng.choice((c, c.upper())) for c in word)
        turkish, kelvin = word.replace("i", "\u0130"), word.replace("k", "\u212a")
        dotless = word.upper().replace("I", "\u0131")
        return rng.choice(
            (word, cased, word.title(), f"{word}s", word[1:], f"{word}\0", turkish, kelvin, dotless, [word])
        )

    return lambda rng: _around(draw)(rng) if rng.random() < 0.5 else draw(rng)


def _booleans(rng: random.Random) -> Any:
    return rng.choice((True, False, 0, 1, 2, -1, 0.5, _words("true", "false", "1", "0", "yes", "t")(rng)))


def _digits(rng: random.Random, longest: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(1, longest)))


def _whole(*bounds: int) -> Draw:
    def draw(rng: random.Random) -> Any:
        near = rng.choice((*bounds, 0, 7, 499)) + rng.choice((-1, 0, 0, 1))
        number = rng.choice((near, near, rng.randrange(12_000), rng.randrange(10**21)))
        text = f"{rng.choice(('', '', '+', '-'))}{'0' * rng.choice((0, 0, 1, 30))}{abs(number)}"
        text += rng.choice(("", "", ".", ".0", ".000", ".5", "e1", " 0", ".0.", ",0", "_0"))
        small = float(rng.choice((near if abs(near) < 10**12 else 3, 0)))
        return rng.choice((number, -number, small, small + 0.5, text, f"{_blanks(rng)}{text}{_blanks(rng)}"))

    return draw


def _seconds(rng: random.Random) -> Any:
    whole = rng.choice(("0", "00", "1800", "999999999999999", "1000000000000000", _digits(rng, 14), _digits(rng, 20)))
    decimals = rng.choice(("", ".", ".5", ".123", ".999"))
    if len(whole) < 15:
        decimals = rng.choice((decimals, f".{_digits(rng, 40)}"))
    # A larger exponent, or more digits with one, is in NOTATION.
    exponent = rng.choice(("e3", "E+5", "e-4", "e-09", "E9", "e+009", "e-99", "e4000", "e", "e+", "e1.5"))
    text = rng.choice((f"{whole}{decimals}", f".{_digits(rng, 9)}", f"{_digits(rng, 6)}{exponent}", f".5{exponent}"))
    text = f"{rng.choice(('', '', '', '+', '-'))}{text}"
    if text[0] == "-" and "e" in text.lower():
        text = text[1:]
    number = rng.choice(
        (
            0,
            1800,
            1799.9996,
            0.001,
            1e-9,
            -0.0001,
            -1,
            -0.0,
            999_999_999_999_999,
            10**15,
            1e14,
            2e15,
            1e300,
            rng.random(),
        )
    )
    return rng.choice((number, text, f"{_blanks(rng)}{text}{_blanks(rng)}", "1:02:33", "1 800"))


def _date(rng: random.Random, dash: str) -> str:
    year = rng.choice(
        ("2015", "2016", "2020", "2020", "2021", "2100", "2000", "1900", "0000", "0001", "9999", "20", "12021")
    )
    month, day = rng.choice((1, 2, 2, 4, 12, rng.randint(0, 13))), rng.choice((1, 28, 29, 30, 31, rng.randint(0, 32)))
    return rng.choice((f"{year}{dash}{month:02}{dash}{day:02}",) * 9 + (f"{year}{dash}{month}{dash}{day}",))


def _clock(rng: random.Random, colon: str) -> str:
    hour, minute = rng.choice((0, 9, 22, 23, 24, 25, rng.randint(0, 23))), rng.choice((0, 0, 30, 59, 60))
    second = rng.choice((0, 0, 30, 59, 60, 61))
    clock = f"{hour:02}{colon}{minute:02}"
    if rng.random() < 0.8:
        clock += f"{colon}{second:02}" + rng.choice(("", "", ".000", ",5", ".123456789", ".", ".x", ".1 "))
    return clock


def _instants(rng: random.Random) -> Any:
    if rng.random() < 0.3:
        day, hour, ms = rng.randint(10, 31), rng.randint(0, 23), rng.randint(0, 999)
        return f"2021-01-{day}T{hour:02}:59:30.{ms:03}Z"
    dash, colon = rng.choice((("-", ":"),) * 4 + (("", ""),) * 2 + (("-", ""), ("", ":")))
    zone = rng.choice(
        ("Z", "z", "UTC", "utc", " Z", " UTC", "\nZ", "\xa0Z", "+01:00", "+0100", "-01", " +01", "+18:59", "+19:00",
         "+01:60", "-00:00", "+1", "", "CET", "Z+01", "+01:00:00")
    )  # fmt: skip
    between = rng.choice(("T", "T", "T", " ", "t", "\t", "", "T "))
    text = f"{_date(rng, dash)}{between}{_clock(rng, colon)}{zone}"
    return rng.choice((text, text, f"{_blanks(rng)}{text}{_blanks(rng)}"))


def _days(rng: random.Random) -> Any:
    day = _date(rng, rng.choice(("-", "-", "", "/")))
    return rng.choice((day, day, f"{_blanks(rng)}{day}{_blanks(rng)}", f"{day}Z", _instants(rng)))


_KINDS: Final[dict[str, Draw]] = {
    "id": _ids,
    "at": _instants,
    "start": _days,
    "end": _days,
    "from": _days,
    "on": _days,
    "cents": _whole(2**63 - 1),
    "bp": _whole(0, 1, 10_000),
    "sequence": _whole(2**63 - 1),
    "s": _seconds,
    "rate": _seconds,
    "exclusive": _booleans,
    "deleted": _booleans,
    "state": _words("playing", "paused", "buffering", "seeking", "ended", "other", "stopped"),
    "device": _words("web", "ios", "android", "tv", "other", "fridge"),
    "surface": _words("home", "search", "artist", "category", "recommendation", "external", "billboard"),
    "status": _words("paid", "refunded", "void", "pending"),
    "category": _words("emerging", "independent", "known", "famous"),
    "kind": _words("live", "documentary", "clip", "studio", "podcast"),
    "currency": _words("eur", "usd", "euro"),
    "version": _labels,
    "siren": _sirens,
    "country": _words("fr", "de", "kz", "is", "xk", "fra"),
}
FIELDS: Final = {
    "heartbeats": (
        "event_id", "playback_id", "subscriber_id", "live_id", "event_at", "state", "received_at", "sequence",
        "position_s", "playback_rate", "device", "surface", "app_version",
    ),
    "subscriptions": (
        "period_id", "subscriber_id", "period_start", "period_end", "status", "updated_at", "plan_id", "price_cents",
        "envelope_cents", "currency", "refunded_cents",
    ),
    "artists": (
        "artist_id", "name", "email", "iban", "bic", "street", "postcode", "town", "country", "left_on", "updated_at",
        "legal_name", "account_holder", "siren", "vat_id", "tax_country", "contact_email",
    ),
    "artist_categories": ("artist_id", "category", "valid_from", "is_deleted", "updated_at"),
    "lives": (
        "live_id", "title", "kind", "exclusive", "duration_s", "published_on", "recorded_on", "venue", "city", "genre",
        "updated_at",
    ),
    "live_credits": ("live_id", "artist_id", "share_bp", "updated_at"),
}  # fmt: skip
"""The fields of each record type in docs/interfaces.md, and `app_version` (docs/delivering-data.md)."""


def records(record_type: str, good: Record, *, number: int, seed: int) -> Iterator[Any]:
    """Generate records that are good but for up to three fields, and a few JSON values that are no records."""
    rng = random.Random(f"{record_type} {seed}")
    for i in range(number):
        if i % 100 == 99:
            yield rng.choice(([], [1], "x", 5, True, None))
            continue
        record = dict(good)
        for name in rng.sample(FIELDS[record_type], rng.choice((0, 1, 1, 1, 1, 2, 3))):
            draw = _KINDS.get(name.rpartition("_")[2], _text)
            record[name] = rng.choice(ODD) if rng.random() < 0.25 else draw(rng)
        if rng.random() < 0.1:
            record.pop(rng.choice([*record]))
        if rng.random() < 0.1:
            record[rng.choice(("comment", "Iban", "EVENT_ID", "artist id", ""))] = rng.choice(ODD)
        yield record
