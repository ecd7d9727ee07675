r"""Patterns of values as text, stated once for the SQL of loads and for the JSON Schemas.

They are written for RE2, which DuckDB uses: `\d` and `\s` are ASCII there. `portable` rewrites them for other engines.
"""

import re
from typing import Final

# White space, control characters except NUL, and invisible characters: zero-width, directional marks, fillers, BOM.
BLANK: Final = (
    r"[\x01-\x20\x7f-\xa0\xad\x{34f}\x{61c}\x{115f}\x{1160}\x{1680}\x{17b4}\x{17b5}\x{180b}-\x{180f}"
    r"\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{2800}\x{3000}\x{3164}\x{feff}\x{ffa0}"
    r"\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]"
)
# These patterns are needed because DuckDB's casts accept more than the contract: hexadecimal, `1_000`, `epoch`,
# `infinity`, instants without an offset (read in the session's zone).
NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
INTEGER: Final = r"[+-]?\d+(\.0*)?"
SPREADSHEET_ID: Final = r"-?\d+\.0+"
SIREN: Final = r"\d{9}"
DAY: Final = r"\d{4}-\d\d-\d\d"
_BASIC_DAY: Final = r"\d{8}"
ANY_DAY: Final = rf"{DAY}|{_BASIC_DAY}"
_OFFSET: Final = r"[+-](0\d|1[0-8])(:?[0-5]\d)?"
INSTANT: Final = rf"{DAY}[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|{_OFFSET})"
# Other forms of ISO 8601, in capitals.
ANY_INSTANT: Final = (
    rf"({DAY}[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?|{_BASIC_DAY}[T ]\d\d\d\d(\d\d([.,]\d+)?)?)\s?(UTC|Z|{_OFFSET})"
)


def portable(pattern: str) -> str:
    r"""Rewrite a pattern so that it means the same to ECMAScript, which JSON Schema names, and to Python.

    Those read `\d` and `\s` as Unicode classes, or write rare characters in another way. Rare characters stand for
    themselves here.

    >>> portable(r"\d\s?[\xa0\x{200b}]")
    '[0-9][\\t\\n\\f\\r ]?[\\xa0\u200b]'
    """
    classes = pattern.replace(r"\d", "[0-9]").replace(r"\s", r"[\t\n\f\r ]")
    return re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), classes)
