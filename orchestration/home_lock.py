"""One lock on the data home per process: a command takes it, and the runs it starts use the same lock."""

from collections.abc import Iterator
from contextlib import contextmanager

from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings
from allive.payouts.formats import require_known

_held_by_this_process: set[str] = set()


@contextmanager
def hold_data_home(settings: Settings, *, command: str) -> Iterator[None]:
    """Hold the data home's lock, unless this process holds it already.

    Raises the error of `allive.ingestion.lock.data_home_lock` if another process holds it, and `FormatError` if a
    closed month or the audit log is newer than the code.
    """
    home = str(settings.home)
    if home in _held_by_this_process:
        yield
        return
    require_known(settings)
    with data_home_lock(settings, command=command):
        _held_by_this_process.add(home)
        try:
            yield
        finally:
            _held_by_this_process.discard(home)
