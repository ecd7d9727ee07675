"""Writes a copy, points readers to it, deletes old copies.

DuckDB shares one instance per path, so a file replaced in place would be served stale forever. Each copy is a new file
with a name that is never used again; `current.duckdb` is a symlink that is replaced in one rename.
"""

import hashlib
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.orchestration.publishing.booked_money import publish_booked_money
from allive.orchestration.publishing.comments import write_comments, write_comments_of
from allive.orchestration.publishing.data_state import Check, publish_data_state
from allive.orchestration.publishing.emptier import EmptierCopyError, read_contents, refuse_emptier
from allive.orchestration.publishing.estimates import publish_estimates
from allive.orchestration.publishing.payments import publish_payments, read_ibans
from allive.orchestration.publishing.previous_copy import PreviousCopy, read_previous_copy
from allive.orchestration.publishing.published_columns import refuse_personal_columns
from allive.orchestration.publishing.published_marts import copy_marts
from allive.orchestration.publishing.scenarios import compute_scenarios, publish_scenarios
from allive.orchestration.serving_copy import CURRENT, ServingCopy, state_of_copy
from allive.payouts import chained_log
from allive.payouts.payments.register import register_path

KEPT_COPIES: Final = 3


def publish(
    settings: Settings, *, inputs: str, checks: Sequence[Check] = (), now: datetime | None = None
) -> ServingCopy:
    """Write a new copy for the dashboards and point `current.duckdb` to it; delete copies beyond the last three.

    A copy of the same state stays unchanged: same warehouse, closed months, balances, payments and held batches, same
    code.

    Args:
        settings: The data home, which must be locked.
        inputs: The hash of the warehouse's inputs.
        checks: The test results of its build.
        now: The instant of publishing; today's estimates are stored under its Paris day.

    Raises:
        PersonalDataError: A table has a personal column; the copy in service stays.
        EmptierCopyError: The new copy has much less data than the one in service, which stays.
    """
    settings.serving_dir.mkdir(parents=True, exist_ok=True)
    state = state_of_copy(settings, inputs=inputs)
    previous = read_previous_copy(settings.serving_dir / CURRENT)
    if previous is not None and previous.is_in_service and previous.inputs == state:
        return ServingCopy(path=previous.path, inputs=state, rows=previous.rows, is_new=False)
    path, aside = _next_paths(settings, state)
    try:
        rows = _write(settings, aside, previous, state=state, checks=checks, now=now or datetime.now(UTC))
    except EmptierCopyError:
        aside.unlink()
        raise
    _put_in_service(settings, aside, path)
    return ServingCopy(path=path, inputs=state, rows=rows, is_new=True)


def refresh_payments(settings: Settings, *, now: datetime | None = None) -> bool:
    """Bring the tables of payments in the copy in service up to date, by a new copy that differs in nothing else.

    It takes as long as copying the file. The new copy keeps the date of its data, and the next run replaces it: what
    else depends on balances is computed only then.

    Args:
        settings: The data home, which must be locked.
        now: The instant of reading.

    Returns:
        Whether there is a new copy: none if nothing was published yet, or if the copy is up to date.

    Raises:
        PersonalDataError: A table has a personal column; the copy in service stays.
        duckdb.Error: The copy in service cannot be read.
    """
    link = settings.serving_dir / CURRENT
    if not link.exists():
        return False
    head = chained_log.head(register_path(settings))
    with duckdb.connect(link.resolve(), read_only=True) as con:
        if _published_head(con) == head:
            return False
        (before,) = con.execute("select inputs from published.copy").fetchall()[0]
    state = hashlib.sha256(f"{before} {head}".encode()).hexdigest()
    path, aside = _next_paths(settings, state)
    shutil.copyfile(link.resolve(), aside)
    with duckdb.connect(aside) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("begin")
        at = now or datetime.now(UTC)
        tables = publish_payments(con, settings, ibans=_ibans_of_the_warehouse(settings), now=at)
        con.execute("update published.copy set inputs = ?", [state])
        write_comments_of(con, tables)
        con.execute("commit")
        refuse_personal_columns(con)
    _put_in_service(settings, aside, path)
    return True


def _published_head(con: duckdb.DuckDBPyConnection) -> str | None:
    try:
        row = con.execute("select head from published.payments_register").fetchone()
    except duckdb.CatalogException:  # a copy of an earlier version
        return None
    return row[0] if row else None


def _ibans_of_the_warehouse(settings: Settings) -> dict[str, str] | None:
    try:
        with duckdb.connect() as con:
            con.execute(f"attach {sql_text(settings.warehouse_path)} as warehouse (read_only)")
            return read_ibans(con)
    except duckdb.Error:  # there is none, or it is being rebuilt
        return None


def _next_paths(settings: Settings, state: str) -> tuple[Path, Path]:
    """Return the path of the next copy, and where it is written."""
    path = settings.serving_dir / f"allive-{_next_number(settings):06d}-{state[:12]}.duckdb"
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    return path, aside


def _put_in_service(settings: Settings, aside: Path, path: Path) -> None:
    aside.rename(path)
    _point_current_to(settings, path)
    _drop_old_copies(settings)


def _write(
    settings: Settings,
    target: Path,
    previous: PreviousCopy | None,
    *,
    state: str,
    checks: Sequence[Check],
    now: datetime,
) -> dict[str, int]:
    scenarios = compute_scenarios(settings, previous)
    with duckdb.connect(target) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set memory_limit = ?", [settings.duckdb_memory_limit])
        con.execute(f"attach {sql_text(settings.warehouse_path)} as warehouse (read_only)")
        con.execute("begin")  # one commit, not one for each of many small statements
        con.execute("create schema published")
        copy_marts(con)
        publish_booked_money(con, settings)
        publish_payments(con, settings, ibans=read_ibans(con), now=now)
        publish_estimates(con, previous, now=now)
        publish_scenarios(con, scenarios)
        publish_data_state(con, settings, checks)
        con.execute(
            "create table published.copy as select cast(? as varchar) as inputs, cast(? as timestamptz) as "
            "published_at, (select max(last_heartbeat_at) from warehouse.marts.fct_playbacks) as data_until_at",
            [state, now],
        )
        write_comments(con)
        con.execute("commit")
        con.execute("detach warehouse")
        refuse_personal_columns(con)
        if previous is not None:
            refuse_emptier(settings, previous.contents, read_contents(con), state=state)
        return dict(con.execute("select mart, rows from published.marts").fetchall())


def _next_number(settings: Settings) -> int:
    return 1 + max(
        (int(copy.name.split("-")[1]) for copy in settings.serving_dir.glob("allive-*-*.duckdb")),
        default=0,
    )


def _point_current_to(settings: Settings, path: Path) -> None:
    # The link is relative, so that it still works after the data home is moved.
    aside = settings.serving_dir / f".{CURRENT}.new"
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(settings.serving_dir / CURRENT)


def _drop_old_copies(settings: Settings) -> None:
    # A reader that has an old copy open keeps it: the file disappears when it is closed.
    for old in sorted(settings.serving_dir.glob("allive-*-*.duckdb"))[:-KEPT_COPIES]:
        old.unlink()
    for unfinished in settings.serving_dir.glob(".allive-*.part*"):
        unfinished.unlink()
