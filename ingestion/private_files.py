"""A data home is of its owner: what our processes write there nobody else may read, and what others can is named."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from ingestion.settings import Settings

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_ENTER: Final = stat.S_IXGRP | stat.S_IXOTH
_READ_ONLY: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def keep_new_files_private() -> None:
    """Let this process, and those that it starts, write files and folders for its user alone."""
    os.umask(_OTHERS)


def readable_by_others(settings: Settings) -> tuple[Path, ...]:
    """Return the entries of a data home that other users can read or enter, `landing/` apart.

    Landing belongs to the deliverer. Only the entries of the home itself are looked at: what lies in a folder that
    others cannot enter is out of their reach, whatever its own mode.
    """
    home = settings.home
    if not home.is_dir() or not home.stat().st_mode & _OTHERS_MAY_ENTER:
        return ()
    with os.scandir(home) as entries:
        return tuple(
            sorted(
                Path(entry.path)
                for entry in entries
                if entry.name != settings.landing_dir.name
                and not entry.is_symlink()
                and entry.stat(follow_symlinks=False).st_mode & _OTHERS
            )
        )


def is_writable(folder: Path) -> bool:
    """Whether this process may write into a folder, or make it where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def is_read_only(error: OSError) -> bool:
    """Whether an error says that a place cannot be written, and not that something is broken."""
    return error.errno in _READ_ONLY
