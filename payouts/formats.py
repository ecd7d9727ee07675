"""Formats of closed months and of the audit log's lines: which this code knows, and the refusal of newer ones.

`format` is the first key of a month's manifest and of a line, in every version to come, so that it can be read without
knowing what follows; where it is missing, the format is 1. What an earlier version wrote is never written again.
"""

import re
from pathlib import Path
from typing import Final

from ingestion.home_format import newer_format, require_known_home
from ingestion.settings import Settings
from payouts import ledger

AUDIT_FORMAT: Final = 1
"""The newest format of a line of the audit log that this code knows, and the one that it writes."""
AUDIT_FILE: Final = "audit.ndjson"

_STATED: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*(\d+)')
_LONGEST_STATEMENT: Final = 64


def require_known(settings: Settings) -> None:
    """Refuse a data home of which the home itself, a closed month or a line of the audit log is newer than the code.

    Raises:
        FormatError: The first that is.
    """
    require_known_home(settings)
    for month in ledger.closed_months(settings):
        ledger.require_known_month(month, _stated_format(ledger.month_dir(settings, month) / ledger.MANIFEST_FILE))
    require_known_lines(settings)


def require_known_lines(settings: Settings) -> None:
    """Refuse an audit log that has lines of a newer format: nothing can follow them, nor say what they ask for."""
    path = settings.payouts_dir / AUDIT_FILE
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        stated = _STATED.match(line)
        if stated and int(stated[1]) > AUDIT_FORMAT:
            raise newer_format(f"Line {number} of {path}", found=int(stated[1]), known=AUDIT_FORMAT)


def _stated_format(path: Path) -> int:
    """Return the format that a file states at its beginning; a damaged file is for others to find."""
    try:
        with path.open("rb") as file:
            stated = _STATED.match(file.read(_LONGEST_STATEMENT))
    except OSError:
        return 1
    return int(stated[1]) if stated else 1
