"""Formats of closed months and of lines of the logs beside them: the ones this code knows, the refusal of newer ones.

`format` is the first key of a month's manifest and of a line, in every future version, so that it can be read without
knowing the rest. If it is missing, the format is 1. Files that an earlier version wrote are never rewritten.
"""

import re
from pathlib import Path
from typing import Final

from allive.ingestion.home_format import newer_format, require_known_home
from allive.ingestion.settings import Settings
from allive.payouts import ledger

AUDIT_FORMAT: Final = 1
"""The newest format of an audit log line that this code knows, and the one it writes."""
AUDIT_FILE: Final = "audit.ndjson"
PAYMENTS_FORMAT: Final = 1
"""The newest format of a line of the register of payments that this code knows, and the one it writes."""
PAYMENTS_FILE: Final = "payments.ndjson"

_KNOWN_LINES: Final = {AUDIT_FILE: AUDIT_FORMAT, PAYMENTS_FILE: PAYMENTS_FORMAT}

_STATED: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*(\d+)')
_LONGEST_STATEMENT: Final = 64


def require_known(settings: Settings) -> None:
    """Refuse a data home if the home itself, a closed month or a line of a log is newer than the code.

    Raises:
        FormatError: One is newer; the message names the first one.
    """
    require_known_home(settings)
    for month in ledger.closed_months(settings):
        ledger.require_known_month(month, stated_month_format(settings, month))
    require_known_lines(settings)


def stated_month_format(settings: Settings, month: str) -> int:
    """Return the format that a closed month states; 1 for a damaged manifest, which other checks report."""
    return _stated_format(ledger.month_dir(settings, month) / ledger.MANIFEST_FILE)


def require_known_lines(settings: Settings) -> None:
    """Refuse an audit log or a register with lines of a newer format: this code can neither interpret nor follow them.

    Raises:
        FormatError: One is newer.
    """
    for name, known in _KNOWN_LINES.items():
        path = settings.payouts_dir / name
        if not path.exists():
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            stated = _STATED.match(line)
            if stated and int(stated[1]) > known:
                raise newer_format(f"Line {number} of {path}", found=int(stated[1]), known=known)


def _stated_format(path: Path) -> int:
    """Return the format stated at the start of a file; 1 for a damaged file, which other checks report."""
    try:
        with path.open("rb") as file:
            stated = _STATED.match(file.read(_LONGEST_STATEMENT))
    except OSError:
        return 1
    return int(stated[1]) if stated else 1
