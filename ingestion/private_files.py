"""Keeps a data home private: only its owner can read new files, and entries that other users can read are reported."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from allive.ingestion.settings import Settings

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_ENTER: Final = stat.S_IXGRP | stat.S_IXOTH
_READ_ONLY: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def keep_new_files_private() -> None:
    """Make this process, and those that it starts, write files and folders that only its user can access."""
    os.umask(_OTHERS)


@contextmanager
def private_new_files() -> Iterator[None]:
    """Keep new files private until the block ends; `dagster dev` starts runs in a process that does not."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def readable_by_others(settings: Settings) -> tuple[Path, ...]:
    """Return the entries of a data home that other users can read or enter, except `landing/`.

    Landing belongs to the deliverer. Only the home's direct entries are checked: files in a folder that others cannot
    enter are out of their reach, whatever their own mode is.
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
    """True if this process can write into a folder, or create it if it does not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def is_read_only(error: OSError) -> bool:
    """True if an error means that a place is not writable, and not that something is broken."""
    return error.errno in _READ_ONLY
