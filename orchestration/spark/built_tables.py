"""The tables that Spark built, and where the newest of each is stored; kept in the data home between sessions.

Each build writes into its own folder and becomes current by the rename of `tables.json`, so a killed build changes
nothing. Incremental models continue from links to the tables of the build before.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from allive.ingestion.durable import read_json, write_json
from allive.ingestion.settings import Settings
from allive.orchestration.spark.sources import create_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LAYERS: Final = ("staging", "intermediate", "marts")


@dataclass(frozen=True)
class SparkTable:
    """A table that Spark built: its name, columns with Spark's types, and its folder below `tables/`."""

    schema: str
    name: str
    columns: dict[str, str]
    partition_column: str | None
    folder: str

    @property
    def full_name(self) -> str:
        """Its name in SQL."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class BuiltTables:
    """The tables that Spark built from one version of the project, up to a batch of the raw tables."""

    project: str
    batch_number: int
    build: int
    tables: tuple[SparkTable, ...]
    views: tuple[str, ...] = ()
    """The models that are views. They only exist in a session, so the next one builds them again."""


def read_built_tables(settings: Settings) -> BuiltTables:
    """Read which tables the last finished build left."""
    stored = read_json(_path(settings)) or {"project": "", "batch_number": 0, "build": 0, "tables": []}
    tables = tuple(SparkTable(**table) for table in stored["tables"])
    return BuiltTables(**{**stored, "tables": tables, "views": tuple(stored.get("views", ()))})


def tables_dir(settings: Settings) -> Path:
    """The folder with the folders of all builds."""
    return settings.spark_dir / "tables"


def lay_out(
    session: "SparkSession", settings: Settings, built: BuiltTables, *, build: int, extended: Iterable[str]
) -> None:
    """Create in the session the tables that the data home has.

    `extended` names the tables that the new build writes into. It gets its own links to their files, so that the build
    before stays complete.
    """
    changed = set(extended)
    shutil.rmtree(tables_dir(settings) / str(build), ignore_errors=True)  # left by a build that did not finish
    for layer in LAYERS:
        session.sql(f"drop schema if exists {layer} cascade")
        session.sql(f"create schema {layer}")
    for table in built.tables:
        folder = tables_dir(settings) / table.folder
        if table.full_name in changed:
            folder = tables_dir(settings) / str(build) / table.schema / table.name
            shutil.copytree(tables_dir(settings) / table.folder, folder, copy_function=os.link)
        create_table(session, table.full_name, table.columns, folder, table.partition_column)


def note_build(
    session: "SparkSession", settings: Settings, *, project: str, batch_number: int, build: int
) -> BuiltTables:
    """Record the session's tables as the current ones, and delete the files of earlier ones."""
    root = tables_dir(settings)
    views = {layer: _views_of(session, layer) for layer in LAYERS}
    built = BuiltTables(
        project=project,
        batch_number=batch_number,
        build=build,
        tables=tuple(
            _described(session, layer, name, root)
            for layer in LAYERS
            for name in sorted(_relations_of(session, layer) - views[layer])
        ),
        views=tuple(sorted(set().union(*views.values()))),
    )
    write_json(_path(settings), asdict(built))
    _forget_others(root, {table.folder for table in built.tables})
    return built


def _views_of(session: "SparkSession", layer: str) -> set[str]:
    return {row["viewName"] for row in session.sql(f"show views in {layer}").collect()}


def _relations_of(session: "SparkSession", layer: str) -> set[str]:
    return {row["tableName"] for row in session.sql(f"show tables in {layer}").collect()}


def _described(session: "SparkSession", layer: str, name: str, root: Path) -> SparkTable:
    described = session.sql(f"describe table extended {layer}.{name}").collect()
    names = [row["col_name"] for row in described]
    # After the columns: a heading, its subheading, then the partition's columns; then an empty line and the details.
    partition = names.index("# Partition Information") + 2 if "# Partition Information" in names else None
    columns = described[: next(place for place, text in enumerate(names) if not text or text.startswith("#"))]
    location = described[names.index("Location")]["data_type"]
    return SparkTable(
        schema=layer,
        name=name,
        columns={row["col_name"]: row["data_type"] for row in columns},
        partition_column=None if partition is None else names[partition],
        folder=Path(unquote(urlsplit(location).path)).relative_to(root).as_posix(),
    )


def files_of(settings: Settings, table: SparkTable) -> list[Path]:
    """The Parquet files of a table."""
    return sorted((tables_dir(settings) / table.folder).rglob("*.parquet"))


def _path(settings: Settings) -> Path:
    return settings.spark_dir / "tables.json"


def _forget_others(root: Path, current: set[str]) -> None:
    for folder in root.glob("*/*/*"):
        if folder.relative_to(root).as_posix() not in current:
            shutil.rmtree(folder)
    for folder in sorted((*root.glob("*/*"), *root.glob("*")), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
