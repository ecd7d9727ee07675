"""The data home's format: the version of its layout, and whether this code knows it.

The format is in `format.json` in the home. A home without this file was written before formats were stamped, and has
format 1.
"""

from typing import Final

from allive.ingestion.durable import read_json, write_json
from allive.ingestion.settings import Settings

HOME_FORMAT: Final = 2
"""The newest format of a data home that this code knows."""
FORMAT_WITH_STRAYS: Final = 2
"""The format of a home with files of strays (docs/adr/0026). To earlier code, their heartbeats would have no day."""
FORMAT_FILE: Final = "format.json"


class FormatError(Exception):
    """Something in the data home has a format that this code does not know."""


def newer_format(what: str, *, found: int, known: int) -> FormatError:
    """Return the error for something newer than the code: what was found, what is known, what to do."""
    return FormatError(
        f"{what} has format {found}; this version of the project knows formats up to {known}. "
        "Upgrade the project, then repeat the command: nothing was read or changed."
    )


def home_format(settings: Settings) -> int:
    """Return the format that is stored in a data home.

    Raises:
        FormatError: `format.json` contains no format.
    """
    path = settings.home / FORMAT_FILE
    expected = f'expected {{"format": N}}, where N is a number up to {HOME_FORMAT}'
    try:
        content = read_json(path)
    except ValueError as error:
        raise FormatError(f"{path} cannot be read ({error}); {expected}. Restore it from a backup.") from error
    if content is None:
        return 1
    found = content.get("format") if isinstance(content, dict) else content
    if type(found) is not int or found < 1:
        raise FormatError(f"{path}: found {found!r}; {expected}. Restore it from a backup.")
    return found


def require_known_home(settings: Settings) -> None:
    """Refuse a data home that is newer than the code.

    Raises:
        FormatError: It is newer, or its format cannot be read.
    """
    found = home_format(settings)
    if found > HOME_FORMAT:
        raise newer_format(f"The data home {settings.home}", found=found, known=HOME_FORMAT)


def stamp_home(settings: Settings) -> None:
    """Write the format of a data home that has none yet. The caller holds the home's lock."""
    if not (settings.home / FORMAT_FILE).exists():
        write_json(settings.home / FORMAT_FILE, {"format": 1})


def raise_home_format(settings: Settings, to: int) -> None:
    """Raise the format of a data home to `to`, if it is lower. Call this before writing anything that needs it."""
    if home_format(settings) < to:
        write_json(settings.home / FORMAT_FILE, {"format": to})
