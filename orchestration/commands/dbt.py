"""`allive dbt`: dbt by hand, on a copy of the warehouse that no payout, dashboard or command reads (docs/dbt.md).

The warehouse stays open, read-only, while dbt runs. DuckDB then lets no other process write to it, so not even SQL that
attaches the file by its path can change the data that months close from.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from allive.ingestion.durable import read_json, write_json
from allive.ingestion.raw_versions import loaded_at
from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.parsed_project import profile_environment
from allive.orchestration.progress import Bytes
from allive.orchestration.terminal import err, refuse, showing_progress
from allive.payouts.warehouse_file import open_warehouse

REFUSED = 1
WRONG_USAGE = 2
_INTERRUPTED = 130
_CHUNK_BYTES = 1 << 24
_DBT = "from dbt.cli.main import cli; cli(prog_name='allive dbt')"
# Options that would lead dbt to a database other than the copy.
_OURS = ("--project-dir", "--profiles-dir", "--profile", "--target", "-t")


@dataclass(frozen=True)
class ByHand:
    """The folder for dbt by hand, next to the warehouse."""

    folder: Path

    @property
    def copy(self) -> Path:
        """The copy. Its file name is the warehouse's: it becomes the database name, which `state:modified` compares."""
        return self.folder / "allive.duckdb"

    @property
    def note(self) -> Path:
        """The note that says which state of the warehouse was copied."""
        return self.folder / "copied.json"

    @property
    def state(self) -> Path:
        """The folder with the manifest that the copied warehouse was built from."""
        return self.folder / "state"

    @property
    def target(self) -> Path:
        """The folder for dbt's output: compiled SQL, run results, docs."""
        return self.folder / "target"


def by_hand(settings: Settings) -> ByHand:
    """The folder for dbt by hand in a data home."""
    return ByHand(settings.warehouse_path.parent / "by-hand")


def run_dbt_by_hand(
    settings: Settings, arguments: Sequence[str], *, is_fresh: bool = False, project_dir: Path = DBT_PROJECT_DIR
) -> int:
    """Run a dbt command on the copy and return dbt's exit code.

    Args:
        settings: The data home. Its warehouse is copied if it changed since the last copy.
        arguments: The arguments for dbt, such as `build --select state:modified+`.
        is_fresh: Copy again in any case.
        project_dir: The dbt project.
    """
    if given := [argument for argument in arguments if argument.split("=", 1)[0] in _OURS]:
        refuse(
            f"{' '.join(given)} is not accepted here.",
            ["`allive dbt` sets project, profile and target itself, so that dbt finds the copy. Leave it out."],
        )
        return WRONG_USAGE
    if list(arguments[:2]) == ["docs", "serve"]:  # reads no warehouse and keeps running: it must not hold the lock
        return _run(settings, arguments, project_dir)
    command = " ".join(("allive dbt", *arguments[:1]))
    try:
        with copied_warehouse(settings, command=command, is_fresh=is_fresh):
            return _run(settings, arguments, project_dir)
    except NothingToWorkOnError as why_not:
        refuse("There is nothing for dbt to work on.", why_not.args)
        return REFUSED


class NothingToWorkOnError(Exception):
    """There is no copy and none can be made; each argument is a sentence for the operator."""


@contextmanager
def copied_warehouse(settings: Settings, *, command: str, is_fresh: bool) -> Iterator[ByHand]:
    """Hold the data home, keep the warehouse open read-only, and renew the copy if it is not of its current state.

    Raises:
        NothingToWorkOnError: there is no warehouse, or it cannot be copied.
    """
    with hold_data_home(settings, command=command), ExitStack() as stack:
        project_hash = _keep_open(settings, stack)
        _renew_copy(settings, project_hash=project_hash, is_fresh=is_fresh)
        yield by_hand(settings)


def _keep_open(settings: Settings, stack: ExitStack) -> str:
    """Keep the warehouse open until the stack ends; return the hash of the project that built it, fully or in part."""
    nothing_built = NothingToWorkOnError(
        f"Found no built warehouse in {settings.warehouse_path}; expected one from `allive run`.",
        "Deliver files into landing and run `allive run` once, or try `allive demo` in an empty data home.",
    )
    if not settings.warehouse_path.exists():
        raise nothing_built
    try:
        warehouse = stack.enter_context(open_warehouse(settings, read_only=True))
        begun = warehouse.execute("select project from build.begun").fetchone()
    except duckdb.CatalogException:
        raise nothing_built from None
    except duckdb.Error as error:
        raise NothingToWorkOnError(
            f"The warehouse cannot be read: {error}",
            "Close any program that has it open. If there is none, run `allive run`.",
        ) from None
    if begun is None:
        raise nothing_built
    return str(begun[0])


def _renew_copy(settings: Settings, *, project_hash: str, is_fresh: bool) -> None:
    """Copy the warehouse, unless the copy is of its current state."""
    place, warehouse = by_hand(settings), settings.warehouse_path
    status = warehouse.stat()
    now = {"inode": status.st_ino, "bytes": status.st_size, "modified_ns": status.st_mtime_ns}
    if not is_fresh and place.copy.exists() and read_json(place.note) == now:
        return
    place.note.unlink(missing_ok=True)
    place.folder.mkdir(parents=True, exist_ok=True)
    wal = Path(f"{warehouse}.wal")  # commits of a killed build that are not in the file yet
    needed = status.st_size + (wal.stat().st_size if wal.exists() else 0)
    replaced = place.copy.stat().st_size if place.copy.exists() else 0
    free = shutil.disk_usage(place.folder).free + replaced
    if free < needed:
        raise NothingToWorkOnError(
            f"Found {free / 1e6:,.0f} MB free in {place.folder}; expected {needed / 1e6:,.0f} MB for a copy of the "
            "warehouse.",
            "Free some space, then try again.",
        )
    for old in (place.copy, Path(f"{place.copy}.wal")):
        old.unlink(missing_ok=True)
    with showing_progress():
        _copy(warehouse, place.copy)
        if wal.exists():
            _copy(wal, Path(f"{place.copy}.wal"))
    _keep_state(settings, place, project_hash)
    _note_loads(settings, place)
    write_json(place.note, now)


def _copy(source: Path, target: Path) -> None:
    told, done = Bytes("copying the warehouse for dbt by hand"), 0
    size = source.stat().st_size
    # Copied as a file: DuckDB's own `copy from database` would write the files of the views into the copy.
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            done += writer.write(chunk)
            told.reach(source.name, done, of=size)


def _keep_state(settings: Settings, place: ByHand, project_hash: str) -> None:
    """Keep the manifest of the build next to its copy; without it, `state:` has nothing to compare with."""
    shutil.rmtree(place.state, ignore_errors=True)
    manifest = settings.warehouse_path.parent / "dbt" / project_hash[:16] / "manifest.json"
    if manifest.exists():
        place.state.mkdir()
        shutil.copyfile(manifest, place.state / manifest.name)


def _note_loads(settings: Settings, place: ByHand) -> None:
    """Write into the copy when each raw table was last loaded, for `dbt source freshness`.

    Only the tables' logs contain this: records have the number of their batch, not its time.
    """
    with duckdb.connect(place.copy) as con:
        pins: list[tuple[str, int | None]] = con.execute("select table_name, version from raw.pins").fetchall()
        con.execute("create or replace table raw.loads (table_name varchar, loaded_at timestamptz)")
        for table, version in pins:
            came_at = None if version is None else loaded_at(settings, table, version)
            con.execute("insert into raw.loads values (?, ?)", [table, came_at])


def _run(settings: Settings, arguments: Sequence[str], project_dir: Path) -> int:
    return run_on_copy(settings, _DBT, arguments, project_dir=project_dir)


def run_on_copy(settings: Settings, program: str, arguments: Sequence[str], *, project_dir: Path) -> int:
    """Run a Python program on the copy, in a process that finds it through dbt's variables; return its exit code."""
    place = by_hand(settings)
    environment = {
        "ALLIVE_WAREHOUSE_PATH": str(place.copy),
        "ALLIVE_TEMP_DIR": str(place.folder / "spill"),
        "DBT_PROJECT_DIR": str(project_dir),
        "DBT_PROFILES_DIR": str(project_dir),
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(place.target),
        "DBT_LOG_PATH": str(place.folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",
    }
    if place.state.exists():
        environment["DBT_STATE"] = os.environ.get("DBT_STATE", str(place.state))
    if place.note.exists():
        copied_at = datetime.fromtimestamp(place.note.stat().st_mtime, UTC)
        err.print(f"dbt works on {place.copy}, a copy of {copied_at:%Y-%m-%d %H:%M} UTC that no payout reads.")
    with profile_environment(settings, **environment):
        # A separate process: it cannot write to the warehouse that this process holds open.
        child = subprocess.Popen([sys.executable, "-c", program, *arguments])  # noqa: S603 - dbt checks them itself
        try:
            return child.wait()
        except KeyboardInterrupt:  # the terminal also sent it to dbt, which stops by itself
            child.wait()
            return _INTERRUPTED
        finally:
            child.kill()  # for any other error: dbt must not continue once the data home is free
