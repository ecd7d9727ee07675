"""Formats numbers, months, days and names in French. Pure; independent of statements."""

import re
import unicodedata
from datetime import date
from typing import Final

NARROW: Final = "\u202f"
"""The narrow no-break space: between thousands and before a unit."""
NBSP: Final = "\u00a0"
MINUS: Final = "\u2212"
APOSTROPHE: Final = "\u2019"
FEWEST_SHOWN: Final = 5
"""A number of subscribers below this is not shown: they could be recognised."""

_MONTHS: Final = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_MS_PER_MINUTE: Final = 60_000
_LONGEST_WORD: Final = 24
_DROPPED: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffe")
"""Characters that change the text direction of the rest of the line, and the two that PDF/A forbids."""
_CATEGORY_SHOWN_AS: Final = {"Cc": " ", "Co": "\ufffd"}
"""A control character separates words like a blank. A private-use one has no public meaning; PDF/A forbids it."""


def euros(cents: int) -> str:
    """Return an amount in euros, formatted in French.

    >>> euros(123456), euros(-5)
    ('1\u202f234,56\u202f€', '\u22120,05\u202f€')
    """
    return f"{plain_amount(cents)}{NARROW}€"


def plain_amount(cents: int) -> str:
    """Return an amount in euros without the € sign, for a column whose header has it."""
    whole, part = divmod(abs(cents), 100)
    return f"{MINUS if cents < 0 else ''}{count(whole)},{part:02d}"


def count(number: int) -> str:
    """Return a whole number with narrow spaces between the thousands.

    >>> count(1234567)
    '1\u202f234\u202f567'
    """
    return f"{number:,}".replace(",", NARROW)


def percent(basis_points: int) -> str:
    r"""Return a rate in percent.

    >>> percent(1_720), percent(50), percent(1_000)
    ('17,2\u00a0%', '0,5\u00a0%', '10\u00a0%')
    """
    text = f"{basis_points / 100:.2f}".rstrip("0").rstrip(".")
    return f"{text.replace('.', ',')}\u00a0%"


def few(number: int) -> str:
    """Return a number of subscribers, or « moins de 5 »."""
    return count(number) if number >= FEWEST_SHOWN else f"moins de{NBSP}{FEWEST_SHOWN}"


def duration(ms: int) -> str:
    """Return a watch time in hours and whole minutes.

    >>> duration(3_900_000), duration(59_999)
    ('1\u202fh\u202f05\u202fmin', '0\u202fmin')
    """
    hours, minutes = divmod(ms // _MS_PER_MINUTE, 60)
    if not hours:
        return f"{minutes}{NARROW}min"
    return f"{count(hours)}{NARROW}h{NARROW}{minutes:02d}{NARROW}min"


def month_name(month: str) -> str:
    """Return the month in words.

    >>> month_name("2021-02")
    'février\u00a02021'
    """
    return f"{_MONTHS[int(month[5:]) - 1]}{NBSP}{month[:4]}"


def of_month(month: str) -> str:
    """Return the month after « de », elided before a vowel.

    >>> of_month("2021-08"), of_month("2021-02")
    ('d\u2019août\u00a02021', 'de\u00a0février\u00a02021')
    """
    name = month_name(month)
    return f"d{APOSTROPHE}{name}" if name[0] in "ao" else f"de{NBSP}{name}"


def day(on: date) -> str:
    """Return the day in words.

    >>> day(date(2021, 3, 1)), day(date(2021, 3, 10))
    ('1er\u00a0mars\u00a02021', '10\u00a0mars\u00a02021')
    """
    return f"{'1er' if on.day == 1 else on.day}{NBSP}{month_name(on.isoformat()[:7])}"


def typographic(sentence: str) -> str:
    """Return a sentence typed on a keyboard with typographic apostrophes and spaces.

    >>> typographic("S'il vous plaît : un doute ?")
    'S\u2019il vous plaît\u00a0: un doute\u202f?'
    """
    sentence = sentence.replace("'", APOSTROPHE).replace(" :", f"{NBSP}:")
    return re.sub(" (?=[;?!])", NARROW, sentence)


def printable(text: str, *, longest: int) -> str:
    r"""Return a user's text made safe for one line: no controls, breakable words, at most `longest` characters.

    Control characters would break a line or turn its direction, and an endless word would overflow its column.

    >>> printable("La Nuit\n  claire", longest=9)
    'La Nuit…'
    """
    seen = "".join(_CATEGORY_SHOWN_AS.get(unicodedata.category(char), char) for char in text if char not in _DROPPED)
    seen = " ".join(seen.split())
    if len(seen) > longest:
        seen = seen[: longest - 1].rstrip() + "…"
    return re.sub(rf"\S{{{_LONGEST_WORD}}}(?=\S)", lambda run: f"{run[0]}\u200b", seen)
