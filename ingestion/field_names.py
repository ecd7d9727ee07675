"""Which field of a contract a column's name means, and which one it was probably meant to be."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Final

MAX_COLUMNS: Final = 1000
"""More columns than this are no table of ours: each takes memory in every record."""

_BLANKS_AROUND: Final = re.compile(r"^[\s\0\u00ad\u200b-\u200f\u2060\ufeff]+|[\s\0\u00ad\u200b-\u200f\u2060\ufeff]+$")
_NEAR: Final = 0.8
_LONGEST_NEAR: Final = 64


def field_meant(name: str, fields: Sequence[str]) -> str | None:
    r"""Return the field that a column is, whatever its case and the blanks or BOM around it; None where it is none.

    >>> [field_meant(n, ("iban", "artist_id")) for n in ("IBAN ", "\ufeffArtist_ID", "artist id", "ibann")]
    ['iban', 'artist_id', None, None]
    """
    plain = _plain(name)
    return plain if plain in fields else None


def near_misses(names: Iterable[str], fields: Sequence[str], *, is_case_kept: bool = False) -> list[tuple[str, str]]:
    """Return the columns that are no field but nearly one that no column is, with that field.

    With `is_case_kept` (the keys of JSON) a name is a field only as it stands.

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
