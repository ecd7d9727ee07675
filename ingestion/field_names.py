"""Matches the names of columns to the fields of a contract, and finds names that were probably meant to be a field."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

MAX_COLUMNS: Final = 1000
"""A file with more columns than this is not a table of ours; each column takes memory in every record."""

_BLANKS_AROUND: Final = re.compile(r"^[\s\0\u00ad\u200b-\u200f\u2060\ufeff]+|[\s\0\u00ad\u200b-\u200f\u2060\ufeff]+$")
_NEAR: Final = 0.8
_LONGEST_NEAR: Final = 64


def field_meant(name: str, fields: Sequence[str]) -> str | None:
    r"""Return the field that a column is, ignoring case and the blanks or BOM around its name; None if it is not one.

    >>> [field_meant(n, ("iban", "artist_id")) for n in ("IBAN ", "\ufeffArtist_ID", "artist id", "ibann")]
    ['iban', 'artist_id', None, None]
    """
    plain = _plain(name)
    return plain if plain in fields else None


def near_misses(names: Iterable[str], fields: Sequence[str], *, is_case_kept: bool = False) -> list[tuple[str, str]]:
    """Return the columns whose name is nearly that of a missing field, with that field.

    With `is_case_kept` (for the keys of JSON), a name must match a field exactly.

    >>> near_misses(["Ibann", "artist id", "name", "name_2", "colour"], ("artist_id", "name", "iban", "email"))
    [('Ibann', 'iban'), ('artist id', 'artist_id')]
    """
    meant = {name: (name if name in fields else None) if is_case_kept else field_meant(name, fields) for name in names}
    missing = [field for field in fields if field not in meant.values()]
    return [
        (name, near[0])
        for name, field in meant.items()
        if field is None
        and len(name) <= _LONGEST_NEAR
        and (near := difflib.get_close_matches(re.sub(r"[\s.-]+", "_", _plain(name)), missing, 1, _NEAR))
    ]


def _plain(name: str) -> str:
    return _BLANKS_AROUND.sub("", name).lower()
