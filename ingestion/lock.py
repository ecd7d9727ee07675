"""The data home's lock: keeps commands and the service from working on one data home at the same time.

The code that starts work (a command, a run) takes the lock; code inside the work never does. Taking it also checks
that this code knows the home's format, and stamps a home that has no format yet.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from allive.ingestion.durable import read_json, write_json
from allive.ingestion.home_format import require_known_home, stamp_home
from allive.ingestion.os_user import acting_user
from allive.ingestion.settings import Settings


class DataHomeLockedError(Exception):
    """Another process is using the data home."""


@contextmanager
def data_home_lock(settings: Settings, *, command: str) -> Iterator[None]:
    """Lock the data home for one command.

    The operating system releases the lock when its holder ends, even in a crash. The note that names the holder is
    only for people to read.

    Args:
        settings: `lock_timeout_s` is how long to wait for another holder.
        command: shown to other processes as the holder, such as `allive run`.

    Raises:
        DataHomeLockedError: another process holds it; the message names the holder.
        FormatError: the data home is newer than the code.
    """
    require_known_home(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    note = settings.home / ".lock.json"
    lock = FileLock(settings.home / ".lock")
    try:
        lock.acquire(timeout=settings.lock_timeout_s)
    except Timeout:
        raise DataHomeLockedError(
            f"{settings.home} is in use by {_holder(read_json(note))}. "
            f"`{command}` needs exclusive access: wait until that ends, or set ALLIVE_LOCK_TIMEOUT_S to "
            f"wait longer than {settings.lock_timeout_s:g} s."
        ) from None
    try:
        stamp_home(settings)
        write_json(
            note,
            {
                "command": command,
                "pid": os.getpid(),
                "user": acting_user(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
        yield
    finally:
        lock.release()


def _holder(note: dict[str, str] | None) -> str:
    if not note:
        return "another process"
    return f"`{note['command']}` (pid {note['pid']}, user {note['user']}, since {note['since']})"
