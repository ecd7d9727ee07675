"""What a field of a landed record may hold, and the SQL that reads it from its text.

A field's text is what the file says, as text, with NULL for "missing". `value` turns it into the
column's type, or NULL where the text is not one of the type: a text without a value is bad.
"""

from dataclasses import dataclass
from typing import Protocol

# Shapes are checked here because DuckDB's casts take more than the contract does: hexadecimal,
# `1_000`, `epoch`, `infinity`, instants without an offset (read in the session's zone).
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_INTEGER = r"[+-]?\d+(\.0*)?"
_DAY = r"\d{4}-\d\d-\d\d"
_INSTANT = rf"{_DAY}[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-8])(:?[0-5]\d)?)"
# By far the most frequent shape: LIKE is three times as fast as the pattern, and no digits are left to cut.
_USUAL_INSTANT = "____-__-__T__:__:__.___Z"

# A thousand times as much overflows DECIMAL(18,3), and with it the whole load.
_FEWER_SECONDS = "cast(1e12 as decimal(18, 3))"

NOT_TEXT = "chr(0)"
"""What a reader hands over for a value that no text field can hold (a list, an object, a boolean)."""


def sql_text(value: str) -> str:
    """A text constant of the code as an SQL literal (values from outside are bound instead).

    >>> sql_text("l'été")
    "'l''été'"
    """
    return "'" + value.replace("'", "''") + "'"


class FieldType(Protocol):
    """How a field's text becomes a column's value."""

    @property
    def sql_type(self) -> str:
        """The column's type in DuckDB."""

    def value(self, text: str) -> str:
        """SQL for the typed value of the SQL expression `text`: NULL where it is none."""


@dataclass(frozen=True)
class Text:
    """Any text; ids too, which compare bytewise. A NUL character makes it bad."""

    sql_type: str = "VARCHAR"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return f"case when not contains({text}, {NOT_TEXT}) then {text} end"


@dataclass(frozen=True)
class Choice:
    """One of a closed list. Where the field is optional, an unknown value is not bad but NULL."""

    options: tuple[str, ...]
    sql_type: str = "VARCHAR"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # Not IN: DuckDB makes a join of a longer list, and hands all columns of a record through it.
        return f"case {text} {' '.join(f'when {option} then {option}' for option in map(sql_text, self.options))} end"


def _instant(text: str) -> str:
    # epoch_us and make_timestamptz are plain integer functions; date_trunc on TIMESTAMPTZ asks ICU
    # for every row and costs ten times as much. epoch_ms truncates on DuckDB 1.5 and rounds on 2.
    instant = f"try_cast({text} as timestamptz)"
    return (
        f"case when {text} like '{_USUAL_INSTANT}' then {instant} "
        f"when regexp_full_match({text}, '{_INSTANT}') then make_timestamptz(epoch_us({instant}) // 1000 * 1000) end"
    )


@dataclass(frozen=True)
class Instant:
    """An ISO 8601 instant with `Z` or an offset, truncated to the millisecond."""

    sql_type: str = "TIMESTAMPTZ"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return _instant(text)


@dataclass(frozen=True)
class Day:
    """An ISO date, or an instant, whose Paris day counts."""

    sql_type: str = "DATE"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return (
            f"case when regexp_full_match({text}, '{_DAY}') then try_cast({text} as date) "
            f"else cast(timezone('Europe/Paris', {_instant(text)}) as date) end"
        )


@dataclass(frozen=True)
class Boolean:
    """true, false, 1 or 0."""

    sql_type: str = "BOOLEAN"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        return f"case when lower({text}) in ('true', '1') then true when lower({text}) in ('false', '0') then false end"


@dataclass(frozen=True)
class Integer:
    """A whole number within bounds; `5.0` is one, as tools write it for a column with gaps."""

    minimum: int = 0
    maximum: int = 2**63 - 1
    sql_type: str = "BIGINT"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # A number that is written as it came has the shape of one: no need to ask the pattern.
        number = f"try_cast({text} as bigint)"
        return (
            f"case when (cast({number} as varchar) = {text} or regexp_full_match({text}, '{_INTEGER}')) "
            f"and {number} between {self.minimum} and {self.maximum} then {number} end"
        )


@dataclass(frozen=True)
class Milliseconds:
    """Seconds ≥ 0, kept as whole milliseconds (rounded half up, in decimal)."""

    sql_type: str = "BIGINT"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        # What the number is written as begins with what it came as: it has the shape of one, and was not rounded.
        # Elsewhere the sign is looked at before rounding, or -0.0001 would pass for 0.
        number = f"try_cast({text} as decimal(18, 3))"
        return (
            f"case when starts_with(cast({number} as varchar), {text}) and {number} >= 0 "
            f"or regexp_full_match({text}, '{_NUMBER}') and try_cast({text} as double) >= 0 "
            f"then case when {number} < {_FEWER_SECONDS} then cast({number} * 1000 as bigint) "
            f"else cast(cast({number} as decimal(38, 3)) * 1000 as bigint) end end"
        )


@dataclass(frozen=True)
class Seconds:
    """Seconds ≥ 0 with up to three decimals; more are cut, so that 1799.9996 stays below 1800."""

    sql_type: str = "DECIMAL(18,3)"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        exact = f"try_cast({text} as decimal(30, 12))"
        return (
            f"case when regexp_full_match({text}, '{_NUMBER}') and try_cast({text} as double) >= 0 "
            f"then try_cast({exact} - {exact} % cast(0.001 as decimal(30, 12)) as decimal(18, 3)) end"
        )


@dataclass(frozen=True)
class Rate:
    """A finite number > 0."""

    sql_type: str = "DOUBLE"

    def value(self, text: str) -> str:
        """See `FieldType.value`."""
        number = f"try_cast({text} as double)"
        return (
            f"case when {text} = '1' or {text} = '1.0' then cast(1 as double) "
            f"when regexp_full_match({text}, '{_NUMBER}') "
            f"and {number} > 0 and isfinite({number}) then {number} end"
        )
