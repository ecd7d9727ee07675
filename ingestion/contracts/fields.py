"""The types of the fields of landed records, and the SQL that reads their values from text.

A field's text is its value in the file, as text, with NULL for "missing". `value` converts it to the column's type, or
to NULL if the text is not a value of the type: a text without a value is bad.

A comparison recognises what deliverers usually write; only the rest needs a pattern, which costs more.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import ClassVar

from allive.ingestion.contracts.patterns import (
    ANY_DAY,
    ANY_INSTANT,
    BLANK,
    DAY,
    INSTANT,
    INTEGER,
    NUMBER,
    SIREN,
    SPREADSHEET_ID,
)
from allive.ingestion.paris_days import paris_day
from allive.ingestion.sql_text import sql_text

# By far the most frequent form: LIKE is three times as fast as the pattern, and there are no digits to truncate.
_USUAL_INSTANT = "____-__-__T__:__:__.___Z"
# The steps, in their order, that rewrite any form of ISO 8601 in capitals into the usual one.
_TO_USUAL_INSTANT = (
    (r"^(\d{4})(\d\d)(\d\d)[T ](\d\d)(\d\d)", r"\1-\2-\3T\4:\5"),
    (r"^(.{16})(\d\d)", r"\1:\2"),
    (r"^(.{16})([^:])", r"\1:00\2"),
    (r",", "."),
    (r"\s?(UTC|Z)$", "Z"),
    (r"\s([+-][\d:]+)$", r"\1"),
)

_TO_USUAL_DAY = ((r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3"),)

# A thousand times as much overflows DECIMAL(18,3), and would make the whole load fail.
_FEWER_SECONDS = "cast(1e12 as decimal(18, 3))"

NOT_TEXT = "chr(0)"
"""SQL for what a reader passes for a value that its field cannot hold: a list, an object, a number for a word."""


IS_PLAIN = "is_plain"
"""The column that is true if a record has only ASCII characters, and no control character except `NOT_TEXT`."""


class Takes(Enum):
    """The values of a typed format that a field accepts; for others a reader passes `NOT_TEXT`."""

    ANYTHING = auto()
    """Any value that can be written as text, such as a number or boolean."""
    TEXT = auto()
    """Text, and whole numbers as their digits."""
    WORD = auto()
    """Only text."""


def _without_blanks(text: str) -> str:
    """SQL for a text without surrounding blanks and invisible characters."""
    return f"regexp_replace({text}, '^{BLANK}+|{BLANK}+$', '', 'g')"


class FieldType(ABC):
    """Converts a field's text to a column's value."""

    sql_type: ClassVar[str]
    """The column's type in DuckDB."""
    takes: ClassVar[Takes] = Takes.ANYTHING
    expected: ClassVar[str]
    """The expected value, in words."""

    @abstractmethod
    def value(self, text: str) -> str:
        """SQL for the typed value of the SQL expression `text`; NULL if it has none."""

    def is_missing(self, text: str, value: str) -> str:
        """SQL for whether the text is missing or blank; the text is checked only if it has no value."""
        return f"({value} is null and ({text} is null or regexp_full_match({text}, '{BLANK}+')))"

    def is_bad(self, text: str, value: str) -> str:
        """SQL for whether the text is not blank and has no value."""
        return f"({value} is null and {text} is not null and not regexp_full_match({text}, '{BLANK}+'))"

    def is_odd(self, text: str, value: str) -> str:
        """SQL for whether the text is not blank and is not kept as written."""
        return self.is_bad(text, value)


@dataclass(frozen=True)
class Text(FieldType):
    """Any text, unchanged. A NUL character makes it bad."""

    sql_type: ClassVar[str] = "VARCHAR"
    expected: ClassVar[str] = "text"
    takes: ClassVar[Takes] = Takes.TEXT

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return f"case when not contains({text}, {NOT_TEXT}) then {text} end"

    def is_missing(self, text: str, value: str) -> str:  # noqa: ARG002 - blanks are text
        """See `FieldType.is_missing`."""
        return f"{text} is null"

    def is_bad(self, text: str, value: str) -> str:
        """See `FieldType.is_bad`."""
        return f"({value} is null and {text} is not null)"


@dataclass(frozen=True)
class Id(FieldType):
    """An id, compared bytewise, without surrounding blanks and invisible characters.

    Digits followed by `.0` are bad: spreadsheets and data frames write numbers this way in a column with gaps, and the
    result would be a different id from the same digits without `.0`.
    """

    sql_type: ClassVar[str] = "VARCHAR"
    takes: ClassVar[Takes] = Takes.TEXT
    expected: ClassVar[str] = "an id: text, or a whole number"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        bare = _without_blanks(text)
        is_of_a_spreadsheet = f"regexp_full_match({bare}, '{SPREADSHEET_ID}')"
        return (
            f"case when ends_with({text}, '0') and contains({text}, '.') and {is_of_a_spreadsheet} then null "
            f"when {IS_PLAIN} and {text} >= '!' and not ends_with({text}, ' ') then {text} "
            f"when contains({text}, {NOT_TEXT}) or {is_of_a_spreadsheet} then null else nullif({bare}, '') end"
        )


@dataclass(frozen=True)
class Label(FieldType):
    """A short name, such as that of a version, without surrounding blanks."""

    longest: int
    """The largest length, in characters."""
    sql_type: ClassVar[str] = "VARCHAR"
    takes: ClassVar[Takes] = Takes.TEXT

    @property
    def expected(self) -> str:  # type: ignore[override]
        """See `FieldType.expected`."""
        return f"text of at most {self.longest} characters"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        bare = _without_blanks(text)
        return (
            f"case when {IS_PLAIN} and {text} >= '!' and not ends_with({text}, ' ') "
            f"and strlen({text}) <= {self.longest} then {text} "
            f"when contains({text}, {NOT_TEXT}) or length({bare}) > {self.longest} then null "
            f"else nullif({bare}, '') end"
        )


@dataclass(frozen=True)
class Choice(FieldType):
    """A word of a closed list, in any case. In an optional field, an unknown word is not bad but NULL."""

    options: tuple[str, ...]
    """The words, in lower case."""
    other: str | None = None
    """Replaces any other word; then only text counts as a word. Without it, an unknown word has no value."""
    sql_type: ClassVar[str] = "VARCHAR"

    @property
    def takes(self) -> Takes:  # type: ignore[override]
        """See `FieldType.takes`."""
        return Takes.ANYTHING if self.other is None else Takes.WORD

    @property
    def expected(self) -> str:  # type: ignore[override]
        """See `FieldType.expected`."""
        return f"one of {', '.join(self.options)}"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # Not IN: DuckDB turns a longer list into a join, and passes all columns of a record through it.
        options = " ".join(f"when {option} then {option}" for option in map(sql_text, self.options))
        word = f"lower({_without_blanks(text)})"
        other = "null"
        if self.other is not None:
            other = f"case when not contains({text}, {NOT_TEXT}) and {word} <> '' then {sql_text(self.other)} end"
        return (
            f"case {text} {options} "
            f"else case when {text} is not null then case {word} {options} else {other} end end end"
        )

    def is_odd(self, text: str, value: str) -> str:
        """See `FieldType.is_odd`."""
        if self.other is None:
            return super().is_odd(text, value)
        other = sql_text(self.other)
        return f"({value} = {other} and lower({_without_blanks(text)}) <> {other})"


@dataclass(frozen=True)
class Currency(FieldType):
    """The currency code of the euro, in any case. Amounts in other currencies are not in our cents."""

    sql_type: ClassVar[str] = "VARCHAR"
    expected: ClassVar[str] = "EUR"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return f"case when {text} = 'EUR' or upper({_without_blanks(text)}) = 'EUR' then 'EUR' end"


@cache
def country_codes() -> tuple[str, ...]:
    """The codes of the world's countries, in capitals (ISO 3166-1 alpha-2)."""
    import pycountry  # noqa: PLC0415 - it reads a file, and only a load that has such a field needs it

    return tuple(sorted(country.alpha_2 for country in pycountry.countries))


@dataclass(frozen=True)
class CountryCode(FieldType):
    """A country's code, in any case, kept in capitals. In an optional field, an unknown code is not bad but NULL."""

    sql_type: ClassVar[str] = "VARCHAR"
    expected: ClassVar[str] = "the two-letter code of a country (ISO 3166-1), such as FR"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        word = f"lower({_without_blanks(text)})"
        codes = sql_text(" ".join(country_codes()).lower())
        return f"case when length({word}) = 2 and contains({codes}, {word}) then upper({word}) end"


@dataclass(frozen=True)
class Siren(FieldType):
    """The number of a French business: nine digits with a check digit, kept without the blanks between them."""

    sql_type: ClassVar[str] = "VARCHAR"
    takes: ClassVar[Takes] = Takes.TEXT
    expected: ClassVar[str] = "a SIREN: nine digits, of which the last one checks the others"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        digits = f"regexp_replace({text}, '{BLANK}', '', 'g')"
        # Luhn's formula: every second digit counts double, and a double of two digits counts as their sum.
        counted = ("0123456789", "0246813579")
        luhn = " + ".join(
            f"cast(substr('{counted[place % 2]}', 1 + try_cast(substr({digits}, {place + 1}, 1) as int), 1) as int)"
            for place in range(9)
        )
        return f"case when regexp_full_match({digits}, '{SIREN}') and ({luhn}) % 10 = 0 then {digits} end"


def _instant(text: str) -> str:
    # epoch_us and make_timestamptz are plain integer functions; date_trunc on TIMESTAMPTZ calls ICU for every row and
    # costs ten times as much. epoch_ms truncates on DuckDB 1.5 and rounds on DuckDB 2.
    def truncated(instant: str) -> str:
        return f"make_timestamptz(epoch_us(try_cast({instant} as timestamptz)) // 1000 * 1000)"

    upper = f"upper({_without_blanks(text)})"
    usual = upper
    for pattern, replacement in _TO_USUAL_INSTANT:
        usual = f"regexp_replace({usual}, '{pattern}', '{replacement}')"
    return (
        f"case when {text} like '{_USUAL_INSTANT}' then try_cast({text} as timestamptz) "
        f"when regexp_full_match({text}, '{INSTANT}') then {truncated(text)} "
        f"when regexp_full_match({upper}, '{ANY_INSTANT}') then {truncated(usual)} end"
    )


@dataclass(frozen=True)
class Instant(FieldType):
    """An ISO 8601 instant with `Z`, `UTC` or an offset, truncated to the millisecond."""

    sql_type: ClassVar[str] = "TIMESTAMPTZ"
    expected: ClassVar[str] = "an ISO 8601 instant with Z, UTC or an offset"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return _instant(text)


@dataclass(frozen=True)
class Day(FieldType):
    """An ISO date, extended or basic, or an instant, whose Paris day counts."""

    sql_type: ClassVar[str] = "DATE"
    expected: ClassVar[str] = "an ISO 8601 date, or an instant with Z, UTC or an offset"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        bare = _without_blanks(text)
        day = bare
        for pattern, replacement in _TO_USUAL_DAY:
            day = f"regexp_replace({day}, '{pattern}', '{replacement}')"
        return (
            f"case when regexp_full_match({text}, '{DAY}') then try_cast({text} as date) "
            f"when regexp_full_match({bare}, '{ANY_DAY}') then try_cast({day} as date) "
            f"else {paris_day(_instant(text))} end"
        )


@dataclass(frozen=True)
class Boolean(FieldType):
    """true, false, 1 or 0."""

    sql_type: ClassVar[str] = "BOOLEAN"
    expected: ClassVar[str] = "true, false, 1 or 0"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        word = f"lower({_without_blanks(text)})"
        return f"case when {word} in ('true', '1') then true when {word} in ('false', '0') then false end"


@dataclass(frozen=True)
class Integer(FieldType):
    """A whole number within bounds. `5.0` counts as one, because tools write it in a column with gaps."""

    minimum: int = 0
    maximum: int = 2**63 - 1
    sql_type: ClassVar[str] = "BIGINT"

    @property
    def expected(self) -> str:  # type: ignore[override]
        """See `FieldType.expected`."""
        return f"a whole number from {self.minimum} to {self.maximum}"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # If the number is written the same as the text, the text is valid and needs no pattern.
        number = f"try_cast({text} as bigint)"
        bare = _without_blanks(text)
        other = f"try_cast({bare} as bigint)"
        return (
            f"case when cast({number} as varchar) = {text} "
            f"then case when {number} between {self.minimum} and {self.maximum} then {number} end "
            f"when regexp_full_match({bare}, '{INTEGER}') "
            f"then case when {other} between {self.minimum} and {self.maximum} then {other} end end"
        )


@dataclass(frozen=True)
class Milliseconds(FieldType):
    """Seconds ≥ 0, kept as whole milliseconds (rounded half up, in decimal)."""

    sql_type: ClassVar[str] = "BIGINT"
    expected: ClassVar[str] = "a number of seconds from 0 on"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # If the written number begins with the text, the text is valid and was not rounded.
        # Otherwise the sign is checked before rounding, or -0.0001 would pass as 0.
        number = f"try_cast({text} as decimal(18, 3))"
        bare = _without_blanks(text)
        return (
            f"case when starts_with(cast({number} as varchar), {text}) and {number} >= 0 then {_as_ms(number)} "
            f"when regexp_full_match({bare}, '{NUMBER}') and try_cast({bare} as double) >= 0 "
            f"then {_as_ms(f'try_cast({bare} as decimal(18, 3))')} end"
        )


def _as_ms(seconds: str) -> str:
    return (
        f"case when {seconds} < {_FEWER_SECONDS} then cast({seconds} * 1000 as bigint) "
        f"else cast(cast({seconds} as decimal(38, 3)) * 1000 as bigint) end"
    )


@dataclass(frozen=True)
class Seconds(FieldType):
    """Seconds ≥ 0 with up to three decimals; more are truncated, so that 1799.9996 stays below 1800."""

    sql_type: ClassVar[str] = "DECIMAL(18,3)"
    expected: ClassVar[str] = "a number of seconds from 0 on"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        bare = _without_blanks(text)
        exact = f"try_cast({bare} as decimal(30, 12))"
        return (
            f"case when regexp_full_match({bare}, '{NUMBER}') and try_cast({bare} as double) >= 0 "
            f"then try_cast({exact} - {exact} % cast(0.001 as decimal(30, 12)) as decimal(18, 3)) end"
        )


@dataclass(frozen=True)
class Rate(FieldType):
    """A finite number ≥ 0: players report 0 while they are paused."""

    sql_type: ClassVar[str] = "DOUBLE"
    expected: ClassVar[str] = "a number from 0 on"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        bare = _without_blanks(text)
        number = f"try_cast({bare} as double)"
        return (
            f"case when {text} = '1' or {text} = '1.0' then cast(1 as double) "
            f"when regexp_full_match({bare}, '{NUMBER}') "
            f"and {number} >= 0 and isfinite({number}) then {number} end"
        )
