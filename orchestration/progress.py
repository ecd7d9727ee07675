"""What a long run is doing right now, told to whoever watches the terminal. Silent when nobody does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, str], None]
"""Hears the stage ("building the warehouse") and what of it is done ("fct_playbacks success")."""

# Not a context variable: dbt tells from threads of its own, which do not inherit one.
_listeners: list[Listener] = []


def tell(stage: str, detail: str = "") -> None:
    """Tell the listener, if there is one, what is being done."""
    for listener in _listeners:
        listener(stage, detail)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hand every `tell` of this process to `listener` while the context lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Bytes:
    """Tells of work that is counted in bytes: how many are done, and how fast."""

    def __init__(self, stage: str) -> None:
        self._stage, self._began, self._done = stage, time.monotonic(), 0

    def add(self, name: str, size: int) -> None:
        """Tell that so many bytes more of `name` are done."""
        self._done += size
        tell(self._stage, f"{name}: {self._done / 1e6:,.0f} MB, {self._rate():,.0f} MB/s")

    def reach(self, name: str, done: int, of: int) -> None:
        """Tell that so many bytes of `name` are done, of how many."""
        self._done = done
        tell(self._stage, f"{name}: {done / 1e6:,.0f} of {of / 1e6:,.0f} MB, {self._rate():,.0f} MB/s")

    def _rate(self) -> float:
        return self._done / 1e6 / max(time.monotonic() - self._began, 1e-3)
