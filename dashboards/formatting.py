"""Pure functions that format amounts, counts, durations, days and months in French and in English."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

from allive.ingestion.paris_days import PARIS

NOTHING: Final = "\u2013"
"""Shown where there is no value: never an empty cell, never a 0 that was not measured."""
FEWEST_SHOWN: Final = 5
"""Smaller numbers of people are not shown, because the people could be recognised."""

_CENTS: Final = Decimal(100)
_MS_PER_MINUTE: Final = 60_000
_MINUTES_PER_HOUR: Final = 60
_NARROW: Final = "\u202f"
_NBSP: Final = "\u00a0"
_MINUS: Final = "\u2212"


class Language(StrEnum):
    """The languages of the pages, the default first."""

    FRENCH = "fr"
    ENGLISH = "en"

    @property
    def locale(self) -> Locale:
        """Babel's locale; English is British English."""
        return Locale.parse("fr_FR" if self is Language.FRENCH else "en_GB")


def euros(cents: int, language: Language) -> str:
    """Return an amount in euros.

    >>> euros(123456, Language.FRENCH), euros(-5, Language.FRENCH), euros(123456, Language.ENGLISH)
    ('1\u202f234,56\u202f€', '\u22120,05\u202f€', '€1,234.56')
    """
    return _set(format_currency(Decimal(cents) / _CENTS, "EUR", locale=language.locale))


def signed_euros(cents: int, language: Language) -> str:
    """Return a difference in euros, with its sign unless it is 0.

    >>> signed_euros(150, Language.FRENCH), signed_euros(0, Language.FRENCH)
    ('+1,50\u202f€', '0,00\u202f€')
    """
    return f"+{euros(cents, language)}" if cents > 0 else euros(cents, language)


def count(number: int, language: Language) -> str:
    """Return a whole number.

    >>> count(1234567, Language.FRENCH), count(-1234, Language.ENGLISH)
    ('1\u202f234\u202f567', '\u22121,234')
    """
    return _set(format_decimal(number, locale=language.locale))


def people(number: int, language: Language) -> str:
    r"""Return a number of people; from 1 to 4, only that there are fewer than 5.

    >>> people(4, Language.FRENCH), people(0, Language.FRENCH), people(5, Language.FRENCH)
    ('moins de\xa05', '0', '5')
    """
    if 0 < number < FEWEST_SHOWN:
        return f"moins de{_NBSP}5" if language is Language.FRENCH else f"fewer than{_NBSP}5"
    return count(number, language)


def percent(basis_points: int | None, language: Language) -> str:
    """Return a share given in basis points, to a tenth of a percent.

    >>> percent(1234, Language.FRENCH), percent(1234, Language.ENGLISH), percent(None, Language.FRENCH)
    ('12,3\u202f%', '12.3%', '\u2013')
    """
    if basis_points is None:
        return NOTHING
    number = _set(format_decimal(Decimal(int(basis_points)) / 100, format="#,##0.#", locale=language.locale))
    return f"{number}{_NARROW}%" if language is Language.FRENCH else f"{number}%"


def duration(ms: int, language: Language) -> str:
    r"""Return watch time in hours and minutes, floored to the minute.

    >>> duration(5_430_000, Language.FRENCH), duration(59_000, Language.FRENCH)
    ('1\xa0h\xa030\xa0min', '0\xa0min')
    """
    hours, minutes = divmod(int(ms) // _MS_PER_MINUTE, _MINUTES_PER_HOUR)
    if hours == 0:
        return f"{minutes}{_NBSP}min"
    if hours >= 100:  # noqa: PLR2004 - minutes do not matter above this
        return f"{count(hours, language)}{_NBSP}h"
    return f"{hours}{_NBSP}h{_NBSP}{minutes:02d}{_NBSP}min"


def month_name(month: str, language: Language) -> str:
    """Return a month in words.

    >>> month_name("2021-02", Language.FRENCH), month_name("2021-02", Language.ENGLISH)
    ('février 2021', 'February 2021')
    """
    return format_date(_first_day(month), "LLLL y", locale=language.locale)


def short_month(month: str, language: Language) -> str:
    """Return a month for an axis.

    >>> short_month("2021-02", Language.FRENCH)
    'févr. 2021'
    """
    return format_date(_first_day(month), "LLL y", locale=language.locale)


def day(value: date, language: Language) -> str:
    """Return a day in words; the first of a month is « 1er » in French.

    >>> day(date(2021, 3, 1), Language.FRENCH), day(date(2021, 3, 1), Language.ENGLISH)
    ('1er mars 2021', '1 March 2021')
    """
    return format_date(value, _day_pattern(value, language), locale=language.locale)


def short_day(value: date, language: Language) -> str:
    """Return a day for a table or a card.

    >>> short_day(date(2021, 2, 1), Language.FRENCH), short_day(date(2021, 2, 1), Language.ENGLISH)
    ('1er févr. 2021', '1 Feb 2021')
    """
    return format_date(value, _day_pattern(value, language, month="MMM"), locale=language.locale)


def instant(value: datetime, language: Language) -> str:
    """Return a date and time in Paris time.

    >>> instant(datetime(2021, 3, 1, 9, 30, tzinfo=UTC), Language.FRENCH)
    '1er mars 2021 à 10:30'
    """
    at = "'à'" if language is Language.FRENCH else "'at'"
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    pattern = _day_pattern(aware.astimezone(PARIS), language)
    return format_datetime(aware, f"{pattern} {at} HH:mm", tzinfo=PARIS, locale=language.locale)


def _day_pattern(value: date, language: Language, *, month: str = "MMMM") -> str:
    return f"d'er' {month} y" if value.day == 1 and language is Language.FRENCH else f"d {month} y"


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _set(text: str) -> str:
    """Replace the space before € and the minus sign, which differ between versions of Babel's data."""
    return text.replace(f"{_NBSP}€", f"{_NARROW}€").replace("-", _MINUS)
