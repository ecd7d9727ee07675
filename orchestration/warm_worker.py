"""A second process that imports modules a run needs late, while the first process imports those it needs early.

Importing Great Expectations and dbt takes seconds, and so does importing Dagster. On two cores a command that starts
this worker waits for the longer of the two instead of their sum. Without a worker (the service's runs, most tests)
`call` does the same work in this process.
"""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from allive.orchestration.leaving import leave

P = ParamSpec("P")
T = TypeVar("T")
Listener = Callable[[str, str], None]

_ENDS_WITHIN_S = 2


def _ignore(_name: str, _status: str) -> None:
    pass


_worker: Connection | None = None
_listener: Listener = _ignore


@contextmanager
def warming_up(imports: Callable[..., None], *args: Any) -> Iterator[None]:
    """Start the worker, which immediately calls `imports(*args)`, and end it on exit."""
    global _worker  # noqa: PLW0603 - one worker per process, for all callers
    context = multiprocessing.get_context("spawn")
    _worker, its_end = context.Pipe()
    process = context.Process(target=_work, args=(its_end, imports, args), name="warm worker", daemon=True)
    process.start()
    its_end.close()
    try:
        yield
    finally:
        _worker.close()
        _worker = None
        process.join(_ENDS_WITHIN_S)
        if process.is_alive():
            process.kill()
            process.join()


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function in the worker, if there is one; arguments, result and errors must pickle.

    Raises:
        RuntimeError: The worker died (killed, out of memory). Its finished work is kept, and the next run continues.
    """
    return call_with_listener(_ignore, function, *args, **kwargs)


def call_with_listener(listener: Listener, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function as `call` does, and pass its progress reports to `listener`."""
    if _worker is None:
        with _listening(listener):
            return function(*args, **kwargs)
    try:
        _worker.send((function, args, kwargs))
        while True:
            kind, content = _worker.recv()
            match kind:
                case "reported":
                    listener(*content)
                case "done":
                    result: T = content
                    return result
                case _:
                    raise content
    except (EOFError, ConnectionError) as error:
        raise RuntimeError("The worker process was killed while it worked. Run the command again.") from error


def report(name: str, status: str) -> None:
    """Report progress from inside a called function."""
    _listener(name, status)


@contextmanager
def _listening(listener: Listener) -> Iterator[None]:
    global _listener  # noqa: PLW0603
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before


def _work(requests: Connection, imports: Callable[..., None], args: tuple[Any, ...]) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A worker that outlived a killed command would hold the warehouse that the next command opens.
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    imports(*args)
    with _listening(lambda name, status: requests.send(("reported", (name, status)))):
        while True:
            try:
                function, its_args, its_kwargs = requests.recv()
            except EOFError:
                leave(0)
            try:
                answer = ("done", function(*its_args, **its_kwargs))
            except Exception as error:  # noqa: BLE001 - sent back to the caller
                answer = ("failed", _picklable(error))
            requests.send(answer)


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - its own data
    except Exception:  # noqa: BLE001 - an exception's own reduction can raise anything
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
