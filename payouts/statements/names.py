"""The names of a statement: its number and its file name."""

import hashlib
import re
from typing import Final

STATEMENTS_FOLDER: Final = "statements"

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


def statement_number(settlement_month: str, position: int) -> str:
    """Return the number of the statement in row `position` (1-based) of `artist_payouts.csv`.

    It is also the end-to-end id of the artist's transfer.

    >>> statement_number("2021-02", 17)
    'ALV-2021-02-00017'
    """
    return f"ALV-{settlement_month}-{position:05d}"


def statement_file_name(artist_id: str) -> str:
    """Return the file name of an artist's statement: the id itself where it is plain, else `~` and its SHA-256.

    A plain id has 1 to 100 characters of `A-Za-z0-9_.-` and does not begin with a dot. No plain id begins with `~`, so
    no two ids share a name, and no id leads out of the folder.

    >>> statement_file_name("art-17")
    'art-17.pdf'
    >>> statement_file_name("../17")[:17]
    '~1c17bf64a7cfbeb1'
    """
    if _PLAIN_ID.fullmatch(artist_id):
        return f"{artist_id}.pdf"
    return f"~{hashlib.sha256(artist_id.encode()).hexdigest()}.pdf"
