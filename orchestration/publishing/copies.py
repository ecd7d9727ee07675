"""Writes a copy, points readers to it, deletes old copies.

DuckDB shares one instance per path, so a file replaced in place would be served stale forever. Each copy is a new file
with a name that is never used again; `current.duckdb` is a symlink that is replaced in one rename.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.orchestration.publishing.booked_money import publish_booked_money
from allive.orchestration.publishing.comments import write_comments
from allive.orchestration.publishing.data_state import Check, publish_data_state
from allive.orchestration.publishing.emptier import EmptierCopyError, read_contents, refuse_emptier
from allive.orchestration.publishing.estimates import publish_estimates
from allive.orchestration.publishing.previous_copy import PreviousCopy, read_previous_copy
from allive.orchestration.publishing.published_columns import refuse_personal_columns
from allive.orchestration.publishing.published_marts import copy_marts
from allive.orchestration.publishing.scenarios import compute_scenarios, publish_scenarios
from allive.orchestration.serving_copy import CURRENT, ServingCopy, state_of_copy

KEPT_COPIES: Final = 3


def publish(
    settings: Settings, *, inputs: str, checks: Sequence[Check] = (), now: datetime | None = None
) -> ServingCopy:
    """Write a new copy for the dashboards and point `current.duckdb` to it; delete copies beyond the last three.

    A copy of the same state stays unchanged: same warehouse, closed months, balances and held batches, same code.

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
    path = settings.serving_dir / f"allive-{_next_number(settings):06d}-{state[:12]}.duckdb"
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    try:
        rows = _write(settings, aside, previous, state=state, checks=checks, now=now or datetime.now(UTC))
    except EmptierCopyError:
        aside.unlink()
        raise
    aside.rename(path)
    _point_current_to(settings, path)
    _drop_old_copies(settings)
    return ServingCopy(path=path, inputs=state, rows=rows, is_new=True)


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
