"""The parts of the Spark path that need no Spark: machine requirements, linked files, and views of its tables."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import duckdb
import polars as pl
import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.spark import registration, session, sources
from allive.orchestration.spark.built_tables import SparkTable, files_of, read_built_tables, tables_dir


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the `java` program below JAVA_HOME; nothing is there yet."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))
    monkeypatch.setattr(session, "version", lambda _package: "1.0")
    (tmp_path / "java" / "bin").mkdir(parents=True)
    return tmp_path / "java" / "bin" / "java"


def install(java: Path, version: str) -> None:
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n", encoding="utf-8")
    java.chmod(0o755)


def test_a_missing_extra_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(session, "version", missing)
    with pytest.raises(session.SparkUnavailableError, match=r"no package pyspark; expected the extra.*pip install"):
        session.require_spark()


def test_a_missing_java_is_named_with_what_to_do(java: Path) -> None:
    assert not java.exists()
    with pytest.raises(session.SparkUnavailableError, match=r"found no java; expected Java 17 or newer.*openjdk-17"):
        session.require_spark()


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", 8), ("11.0.2", 11)])
def test_a_java_that_is_too_old_is_named(java: Path, version: str, major: int) -> None:
    install(java, version)
    with pytest.raises(session.SparkUnavailableError, match=rf"found Java {major}; expected Java 17"):
        session.require_spark()


@pytest.mark.parametrize("version", ["17", "17.0.15", "25-ea"])
def test_a_java_that_is_new_enough_will_do(java: Path, version: str) -> None:
    install(java, version)
    session.require_spark()


def test_a_file_of_properties_wins_over_ours(tmp_path: Path) -> None:
    path = tmp_path / "spark.conf"
    path.write_text("# ours\nspark.cores.max   6\n\nspark.sql.shuffle.partitions=400\n", encoding="utf-8")
    settings = Settings(home=tmp_path, spark_master="spark://lyon:7077", spark_conf=path, spark_shuffle_partitions=8)
    properties = session.session_properties(settings)
    assert properties["spark.cores.max"] == "6"
    assert properties["spark.sql.shuffle.partitions"] == "400"
    assert properties["spark.sql.ansi.enabled"] == "true"
    assert "spark.driver.host" not in properties, "only a loopback master binds there"


def test_the_links_are_exactly_the_pinned_files(tmp_path: Path) -> None:
    root, folder = tmp_path / "raw", tmp_path / "links"
    names = ["event_day=2021-01-01/a.parquet", "event_day=2021-01-02/b.parquet", "event_day=2021-01-02/c.parquet"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")

    def linked() -> dict[str, str]:
        return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.parquet")}

    sources.link_files(folder, root, [root / name for name in names[:2]])
    assert linked() == {name: name for name in names[:2]}
    sources.link_files(folder, root, [root / name for name in names[1:]])
    assert linked() == {name: name for name in names[1:]}
    (root / names[1]).unlink()
    assert linked()[names[1]] == names[1], "a link outlives the file that a compaction deletes"


def test_a_table_is_shown_by_name_with_the_types_of_duckdb(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = tables_dir(settings) / "1" / "marts" / "fct"
    (folder / "month=2021-02").mkdir(parents=True)
    pl.DataFrame({"weight": [7], "id": ["a"]}).write_parquet(folder / "month=2021-02" / "part-0.parquet")
    table = SparkTable(
        schema="marts",
        name="fct",
        columns={"id": "string", "weight": "decimal(38,0)", "month": "string"},
        partition_column="month",
        folder="1/marts/fct",
    )
    assert len(files_of(settings, table)) == 1
    with duckdb.connect() as con:
        registration.register_tables(con, settings, [table])
        described = con.execute("describe marts.fct").fetchall()
        assert [row[:2] for row in described] == [
            ("id", "VARCHAR"),
            ("weight", "DECIMAL(38,0)"),
            ("month", "VARCHAR"),
        ]
        assert con.execute("select * from marts.fct").fetchall() == [("a", 7, "2021-02")]


def test_a_table_without_files_is_shown_empty(tmp_path: Path) -> None:
    table = SparkTable(
        schema="marts", name="fct", columns={"at": "timestamp"}, partition_column=None, folder="1/marts/f"
    )
    with duckdb.connect() as con:
        registration.register_tables(con, Settings(home=tmp_path), [table])
        assert con.execute("select * from marts.fct").fetchall() == []


def test_before_the_first_build_there_are_no_tables(tmp_path: Path) -> None:
    assert read_built_tables(Settings(home=tmp_path)).tables == ()
