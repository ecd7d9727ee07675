"""A second process that imports what a run needs late, while the first imports what it needs early.

Great Expectations and dbt cost seconds of imports, and so does Dagster: on two cores a command that starts this worker
waits for the longer of the two instead of their sum. Where none was started (the service's runs, most tests) `call`
does the same work in this process.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import Empty
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_LISTEN_EVERY_S = 0.1

_worker: ProcessPoolExecutor | None = None
_messages: "multiprocessing.Queue[tuple[str, str]] | None" = None


@contextmanager
def warming_up(imports: Callable[[], None]) -> Iterator[None]:
    """Start the worker, let it call `imports` at once, and stop it at the end."""
    global _worker, _messages  # noqa: PLW0603 - one worker a process, whoever calls
    context = multiprocessing.get_context("spawn")
    _messages = context.Queue()
    _worker = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(_messages,))
    try:
        _worker.submit(imports)
        yield
    finally:
        _worker.shutdown(wait=False, cancel_futures=True)
        _worker = _messages = None


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function in the worker, if there is one; arguments, result and errors must pickle."""
    return listening(lambda _name, _status: None, function, *args, **kwargs)


def listening(hear: Callable[[str, str], None], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function as `call` does, and `hear` meanwhile what it tells.

    Raises:
        RuntimeError: The worker died (killed, out of memory); what it had done stands, the next run goes on from there.
    """
    if _worker is None or _messages is None:
        with _telling(hear):
            return function(*args, **kwargs)
    future = _worker.submit(function, *args, **kwargs)
    try:
        while not future.done():
            _pass_on(_messages, hear, wait_s=_LISTEN_EVERY_S)
        return future.result()
    except BrokenProcessPool as error:
        raise RuntimeError("The worker process was killed while it worked. Run the command again.") from error


def tell(name: str, status: str) -> None:
    """Say from inside a called function how far it is."""
    _tell(name, status)


def _nobody_listens(_name: str, _status: str) -> None:
    pass


_tell: Callable[[str, str], None] = _nobody_listens


@contextmanager
def _telling(hear: Callable[[str, str], None]) -> Iterator[None]:
    global _tell  # noqa: PLW0603
    before, _tell = _tell, hear
    try:
        yield
    finally:
        _tell = before


def _begin(messages: Any) -> None:
    global _tell  # noqa: PLW0603
    _tell = lambda name, status: messages.put((name, status))  # noqa: E731
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A worker that outlived a killed command would hold the warehouse that the next one opens.
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _pass_on(messages: Any, hear: Callable[[str, str], None], *, wait_s: float) -> None:
    try:
        hear(*messages.get(timeout=wait_s))
    except Empty:
        return
