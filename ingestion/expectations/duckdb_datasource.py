"""A Great Expectations data source over an open DuckDB connection, which the library does not have."""

import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import duckdb
import sqlalchemy
from duckdb_sqlalchemy import ConnectionWrapper
from sqlalchemy.pool import StaticPool

from allive.ingestion.sql_text import sql_text


def _import_on_first_use(name: str) -> None:
    """Register a module whose code runs when one of its names is first used."""
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


# scipy.stats takes a third of the import time, for two expectations that no suite here uses.
_import_on_first_use("scipy.stats")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # from their import of sre_constants
    # If the extra `spark` is installed, it imports PySpark, which warns about pandas 3.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    import great_expectations as gx
    from great_expectations.compatibility import pydantic
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )
    from great_expectations.datasource.fluent import SQLDatasource
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Keeps its connection open, as the library does for SQLite.

    Otherwise the connection goes back to the pool before its result is read ("list index out of
    range"). Can be removed once `GXSqlDialect` has DuckDB as a dialect with a persisted connection.
    """

    _connection: sqlalchemy.Connection | None

    @contextmanager
    def get_connection(self) -> Iterator[sqlalchemy.Connection]:
        """The only connection."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
    """A data source over a connection that is already open."""

    type: Literal["duckdb"] = "duckdb"
    _connection_to_use: Any = pydantic.PrivateAttr(None)
    _execution_engine: Any = pydantic.PrivateAttr(None)

    def test_connection(self, test_assets: bool = True) -> None:  # noqa: FBT001, FBT002
        """Do nothing: the connection is passed in open."""

    def _create_engine(self) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(
            "duckdb://",
            creator=lambda: ConnectionWrapper(self._connection_to_use),
            poolclass=StaticPool,
        )

    def get_execution_engine(self) -> DuckDBExecutionEngine:
        """An engine whose only connection is the one passed in."""
        if self._execution_engine is None:
            self._execution_engine = DuckDBExecutionEngine(engine=self.get_engine(), create_temp_table=False)
        engine: DuckDBExecutionEngine = self._execution_engine
        return engine


def batch_over(con: duckdb.DuckDBPyConnection, schema: str | None, table: str) -> Any:
    """A Great Expectations batch of all rows of a table or view."""
    # Without this, an ephemeral context leaves a temporary folder behind, for a docs site that is never built.
    without_docs = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=without_docs))
    context.enable_analytics(enable=False)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_duckdb(name="duckdb", connection_string="duckdb://", create_temp_table=False)
    cursor = con.cursor()
    cursor.execute("set TimeZone = 'UTC'")
    if schema:
        cursor.execute(f"set schema = {sql_text(schema)}")
    source._connection_to_use = cursor  # noqa: SLF001 - a connection cannot be a pydantic field
    asset = source.add_table_asset(table, table_name=table)
    return asset.add_batch_definition_whole_table("all").get_batch()
