"""Dagster's SQLite event log with permanent connections, for the runs of a command.

The original opens, fsyncs and closes a database for each of some 300 events per run: a third of a small run's CPU, and
all of its waiting. This version keeps one connection per file, and a commit survives a killed process but perhaps not a
power cut (WAL, synchronous=NORMAL). Only the history in the UI is at risk: data and money are not stored here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """The same files, tables and rows, with one connection per file for as long as the process lives."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "KeptSqliteEventLogStorage":
        """Create an instance from Dagster's settings (the original method returns the original class)."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine_of(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine_of(self, shard: str) -> Engine:
        engines: dict[str, Engine] = self.__dict__.setdefault("_engines", {})
        if shard not in engines:
            engines[shard] = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                # `_db_lock` already keeps threads apart.
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engines[shard], "connect", _commit_to_the_cache)
        return engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table. One that was found stays: each check of a run asks twice."""
        found: set[str] = self.__dict__.setdefault("_found_tables", set())
        if table_name not in found and super().has_table(table_name):
            found.add(table_name)
        return table_name in found

    def dispose(self) -> None:
        """Close the kept connections."""
        for engine in self.__dict__.pop("_engines", {}).values():
            engine.dispose()
        super().dispose()


def open_with_kept_connections(dagster_dir: str) -> DagsterInstance:
    """Open the instance. If its event log is the default SQLite one, keep its connections."""
    ref = InstanceRef.from_dir(dagster_dir)
    events = InstanceRef.config_defaults(dagster_dir)["event_log_storage"]
    if ref.storage_data and ref.storage_data.class_name == "DagsterSqliteStorage" and events:
        kept = {"module": __name__, "class": KeptSqliteEventLogStorage.__name__}
        base_dir = str(events.config_dict["base_dir"])
        ref = InstanceRef.from_dir(
            dagster_dir, overrides={"event_log_storage": {**kept, "config": {"base_dir": base_dir}}}
        )
    return DagsterInstance.from_ref(ref)


def _commit_to_the_cache(connection: Any, _record: Any) -> None:
    connection.execute("pragma synchronous = normal")
