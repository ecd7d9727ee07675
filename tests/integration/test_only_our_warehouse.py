"""A month closes only from a warehouse that the project itself built from the pinned records."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random

import duckdb
import pytest

from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.parsed_project import dbt_arguments, profile_environment
from allive.orchestration.warehouse import build_warehouse, open_warehouse, read_finished_build
from allive.payouts import ledger
from allive.payouts.closing import settle_month
from allive.payouts.errors import Refusal
from allive.payouts.warehouse_mark import note_mark
from tests.pipeline import Pipeline, new_pipeline
from tests.two_years.cast import everything_at_the_beginning
from tests.two_years.story import Story

MONTH = "2020-08"
ALTERATIONS, THOROUGH_ALTERATIONS = 60, 300
READ_BY_A_CLOSE = {
    "intermediate.int_period_slices",
    "marts.dim_payees",
    "marts.fct_artist_lives",
    "marts.fct_artist_months",
    "marts.fct_settlement_months",
    "raw.pins",
}
"""Tables with rows that a close reads; two of three alterations are in these, the others in any other table."""

ByHand = Callable[[Pipeline, Path], None]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Pipeline:
    """A data home with one month closed and the next one built, which pays, brings balances forward and adjusts."""
    pipeline = new_pipeline(tmp_path_factory.mktemp("ours") / "before", parsed=parsed_home)
    story = Story(pipeline)
    story.lands(everything_at_the_beginning())
    story.ordinary_month_lands("2020-07")
    story.close("2020-07")
    story.ordinary_month_lands(MONTH)
    story.afterthoughts_land()
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def undisturbed(before: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The month's files when closed from the unaltered warehouse."""
    copied = copy_of(before, tmp_path_factory.mktemp("undisturbed") / "home")
    copied.close_as_built(MONTH)
    return files_of(copied.settings)


def copy_of(pipeline: Pipeline, home: Path) -> Pipeline:
    shutil.copytree(pipeline.settings.home, home, ignore=shutil.ignore_patterns("landing", "serving", "dagster"))
    return Pipeline(Settings(home=home, pseudonym_key="tests"))


def files_of(settings: Settings) -> dict[str, bytes]:
    folder = ledger.month_dir(settings, MONTH)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_documents(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.startswith(("statements/", "manifest"))}


def dbt_by_hand(pipeline: Pipeline, project: Path, *arguments: str) -> None:
    """Run dbt on the warehouse itself, as a person would who knows dbt but not the project."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    command, *rest = arguments
    target = pipeline.settings.home / "by-hand"
    shared = dbt_arguments(pipeline.settings, project_dir=project, target=target)
    try:
        with profile_environment(pipeline.settings):
            assert dbtRunner().invoke([command, *shared, *rest]).success
    finally:
        DuckDBConnectionManager.close_all_connections()


def a_policy_of_ones_own(pipeline: Pipeline, scratch: Path) -> None:
    """The pool is shared by direct amounts, from a changed seed that leaves no trace in the project."""
    project = scratch / "dbt_project"
    shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    seed = project / "seeds" / "policies.csv"
    seed.write_text(seed.read_text(encoding="utf-8").replace(",equal", ",direct"), encoding="utf-8")
    dbt_by_hand(pipeline, project, "build", "--select", "policies+", "--exclude-resource-type", "test", "unit_test")


def another_gap_cap(pipeline: Pipeline, _scratch: Path) -> None:
    """A gap of an hour counts in full."""
    models = ("run", "--full-refresh", "--select", "int_playback_days+", "--vars", "{gap_cap_ms: 3600000}")
    dbt_by_hand(pipeline, DBT_PROJECT_DIR, *models)


def a_table_changed_in_duckdb(pipeline: Pipeline, _scratch: Path) -> None:
    """Every IBAN is replaced by another one."""
    with duckdb.connect(pipeline.settings.warehouse_path) as con:
        con.execute("update marts.dim_payees set iban = 'FR7630006000011234567890189' where iban is not null")


def the_note_of_the_build_kept(pipeline: Pipeline, _scratch: Path) -> None:
    """Rows are changed in place, so that not even the number of rows differs."""
    with duckdb.connect(pipeline.settings.warehouse_path) as con:
        con.execute("update intermediate.int_playback_days set watch_ms = watch_ms + 1 where watch_ms > 0")


def another_file_in_its_place(pipeline: Pipeline, _scratch: Path) -> None:
    """The warehouse's tables are copied to a new file, as another tool would, and amounts are changed on the way."""
    path = pipeline.settings.warehouse_path
    old = path.rename(path.with_suffix(".old"))
    with duckdb.connect(path) as con:
        con.execute(f"attach '{old}' as old (read_only)")
        con.execute("copy from database old to allive")
        con.execute("update marts.fct_artist_months set current_earned_cents = current_earned_cents + 1")


def cut_short(pipeline: Pipeline, _scratch: Path) -> None:
    """The file is truncated, as after a full disk."""
    path = pipeline.settings.warehouse_path
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize(
    "by_hand",
    [
        a_policy_of_ones_own,
        another_gap_cap,
        a_table_changed_in_duckdb,
        the_note_of_the_build_kept,
        another_file_in_its_place,
        cut_short,
    ],
)
def test_what_something_else_wrote_is_not_closed_from_and_built_again(
    before: Pipeline, undisturbed: dict[str, bytes], tmp_path: Path, by_hand: ByHand
) -> None:
    pipeline = copy_of(before, tmp_path / "home")
    by_hand(pipeline, tmp_path)
    if by_hand is not cut_short:
        with pytest.raises(Refusal, match="not as the project left it"):
            settle_month(pipeline.settings, MONTH)
        assert read_finished_build(pipeline.settings) is None, "it would be published"
    build = build_warehouse(pipeline.settings)
    assert not build.broken
    assert build.dropped_because is not None
    pipeline.close_as_built(MONTH)
    assert files_of(pipeline.settings) == undisturbed


def test_reading_it_changes_nothing(before: Pipeline) -> None:
    with open_warehouse(before.settings, read_only=True) as con:
        con.execute("select * from marts.fct_artist_months").fetchall()
    build = build_warehouse(before.settings)
    assert not build.built
    assert build.dropped_because is None


def test_a_run_that_was_cut_short_is_not_built_upon(before: Pipeline, tmp_path: Path) -> None:
    pipeline = copy_of(before, tmp_path / "home")
    pipeline.settings.warehouse_path.with_suffix(".mark.json").unlink()
    assert "cut short" in str(build_warehouse(pipeline.settings).dropped_because)


def test_whatever_row_is_altered_the_close_gives_the_same_bytes_or_refuses(
    before: Pipeline,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    """This holds even if the file's mark is forged too: then only the second computation protects the close.

    Statements are left out, because they are made from the other files alone.
    """
    monkeypatch.setattr("allive.payouts.files.write_statements", lambda *_arguments, **_options: 0)
    expected = without_documents(undisturbed)
    pipeline = copy_of(before, tmp_path / "home")
    settings = pipeline.settings
    sound = settings.warehouse_path.with_suffix(".sound")
    shutil.copyfile(settings.warehouse_path, sound)
    closed: list[str] = []
    count = THOROUGH_ALTERATIONS if pytestconfig.getoption("--thorough") else ALTERATIONS
    for alteration in islice(alterations(settings, Random(2020)), count):
        shutil.copyfile(sound, settings.warehouse_path)
        with duckdb.connect(settings.warehouse_path) as con:
            token = alter(con, alteration)
        note_mark(settings, token)
        log = (settings.payouts_dir / "audit.ndjson").read_bytes()
        try:
            pipeline.close_as_built(MONTH)
        except Refusal:
            assert not ledger.month_dir(settings, MONTH).exists()
        else:
            closed.append(alteration)
            assert without_documents(files_of(settings)) == expected, alteration
            shutil.rmtree(ledger.month_dir(settings, MONTH))
        (settings.payouts_dir / "audit.ndjson").write_bytes(log)
    print(f"{count - len(closed)} of {count} alterations were refused")
    assert len(closed) < count * 4 / 5, "too few alterations had an effect"


def alterations(settings: Settings, rng: Random) -> Iterator[str]:
    """Yield SQL statements that change one value of a row, delete a row, or duplicate one, in a table that has rows."""
    with duckdb.connect(settings.warehouse_path, read_only=True) as con:
        columns = con.execute(
            """
            select columns.schema_name || '.' || columns.table_name, columns.column_name, columns.data_type
            from duckdb_columns() as columns
            inner join duckdb_tables() as tables using (schema_name, table_name)
            where tables.schema_name in ('staging', 'intermediate', 'marts', 'raw')
            order by all
            """
        ).fetchall()
        rows = {
            table: con.execute(f"select count(*) from {table}").fetchone()[0]
            for table in sorted({table for table, *_ in columns})
        }
    read = [one for one in columns if rows[one[0]] and one[0] in READ_BY_A_CLOSE]
    assert {table for table, *_ in read} == READ_BY_A_CLOSE
    others = [one for one in columns if rows[one[0]] and one[0] not in READ_BY_A_CLOSE]
    while True:
        table, column, kind = rng.choice(read if rng.random() < 2 / 3 else others)
        where = f"where rowid = (select rowid from {table} order by rowid limit 1 offset {rng.randrange(rows[table])})"
        match rng.randrange(10):
            case 0:
                yield f"delete from {table} {where}"
            case 1:
                yield f"insert into {table} select * from {table} {where}"
            case 2:
                yield f'update {table} set "{column}" = null {where}'
            case _:
                yield f'update {table} set "{column}" = {other_value(column, kind)} {where}'


def other_value(column: str, kind: str) -> str:
    """Another value of the same type."""
    match kind.partition("(")[0]:
        case "BOOLEAN":
            return f'not coalesce("{column}", false)'
        case "VARCHAR":
            return f"coalesce(\"{column}\", '') || 'x'"
        case "DATE":
            return f"coalesce(\"{column}\", date '2020-08-01') + 1"
        case kind if kind.startswith("TIMESTAMP"):
            return f"coalesce(\"{column}\", timestamptz '2020-08-01') - interval 40 day"
        case _:
            return f'coalesce("{column}", 0) + 1'


def alter(con: duckdb.DuckDBPyConnection, alteration: str) -> str:
    """Alter the table, unless one of its constraints forbids it; return the token of the build."""
    with suppress(duckdb.ConstraintException, duckdb.ConversionException, duckdb.OutOfRangeException):
        con.execute(alteration)
    (token,) = con.execute("select token from build.begun").fetchone()
    return str(token)
