"""What a long run is doing right now, told to whoever watches the terminal. Silent when nobody does."""

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
