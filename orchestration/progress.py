"""Progress of long runs, reported to the terminal. Does nothing if no one is listening."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str], None]
"""Called with the stage ("building the warehouse") and the finished part ("fct_playbacks success")."""

# Not a context variable: dbt reports from threads of its own, which do not inherit one.
_listeners: list[Listener] = []


def tell(stage: str, detail: str = "") -> None:
    """Report to the listeners what is being done."""
    for listener in _listeners:
        listener(stage, detail)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass every `tell` of this process to `listener` inside the context."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Bytes:
    """Reports progress in bytes: how many are done, and how fast."""

    def __init__(self, stage: str) -> None:
        self._stage, self._began, self._done = stage, time.monotonic(), 0

    def add(self, name: str, size: int) -> None:
        """Report that `size` more bytes are done; `name` is the file or table being worked on."""
        self._done += size
        tell(self._stage, f"{name}: {self._done / 1e6:,.0f} MB, {self._rate():,.0f} MB/s")

    def reach(self, name: str, done: int, of: int) -> None:
        """Report that `done` of `of` bytes of `name` are done."""
        self._done = done
        tell(self._stage, f"{name}: {done / 1e6:,.0f} of {of / 1e6:,.0f} MB, {self._rate():,.0f} MB/s")

    def _rate(self) -> float:
        return self._done / 1e6 / max(time.monotonic() - self._began, 1e-3)
