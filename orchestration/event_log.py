"""Dagster's SQLite event log at the speed of its disk's cache, for runs of one process.

Every event is a commit of its own on a connection of its own: with SQLite's defaults three fsyncs, 300 times a run. Here
a commit survives a killed process but perhaps not a power cut (WAL, synchronous=NORMAL), and one idle connection a file
spares the checkpoint at every close. Only what the UI shows is at stake: data and money do not live here.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from dagster import DagsterInstance
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import event
from sqlalchemy.engine import Engine

_SHARED_EVENTS = "index"


@contextmanager
def cheap_event_log(instance: DagsterInstance, *, run_id: str) -> Iterator[None]:
    """Spare the fsyncs of a run's events while the context lasts; nothing changes where the log is not SQLite."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        yield
        return
    event.listen(Engine, "connect", _commit_to_the_cache)
    try:
        with ExitStack() as stack:
            for name in (_SHARED_EVENTS, run_id):
                idle = stack.enter_context(closing(sqlite3.connect(storage.path_for_shard(name))))
                idle.execute("pragma journal_mode = wal")
                idle.execute("select count(*) from sqlite_master").fetchone()
            yield
    finally:
        event.remove(Engine, "connect", _commit_to_the_cache)


def _commit_to_the_cache(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = normal")
