"""Compares what the pipeline built with the oracle, cell by cell, and names the differences."""

import csv
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb

from tests.oracle import History, Run, Settlement, Snapshot
from tests.oracle.history import months_with_periods
from tests.oracle.player_health import Health
from tests.oracle.pseudonyms import period_pseudonym
from tests.properties.library import assert_library_agrees, can_be_said_to_it

SHOWN = 8


def assert_warehouse_agrees(con: duckdb.DuckDBPyConnection, data: Snapshot, *, history: History | None = None) -> None:
    """Compare a built warehouse with the oracle's view of the same landed files.

    Watch time and rejects are compared in full, money in the open months that nothing blocks, and
    blockers in every open month. Without `history` (the months closed so far), every month is open.
    """
    history = history or History()
    assert_rejects_agree(con, data)
    assert_watch_time_agrees(con, data)
    assert_player_health_agrees(con, data)
    months = [month for month in months_with_periods(data, history) if month not in history.runs]
    settlements = [history.settle_open_month(month, data) for month in months]
    assert_blockers_agree(con, settlements)
    for settlement in settlements:
        if not settlement.blockers:
            assert_open_month_agrees(con, settlement)
            if can_be_said_to_it(data):
                assert_library_agrees(settlement, data, history)


def assert_rejects_agree(con: duckdb.DuckDBPyConnection, data: Snapshot) -> None:
    """Every broken line is in `raw.rejects` once, with file, line and reason, and nothing else is.

    An unreadable file is one row without a line. A file that landed under several names can appear
    under any of them.
    """
    names = data.first_names or {}
    rows = con.execute("select record_type, source_file, source_line, reason from raw.rejects").fetchall()
    found = Counter((kind, names.get(file, file), line, reason) for kind, file, line, reason in rows)
    expected = Counter(tuple(reject) for reject in data.rejects)
    expected.update((kind, file, None, "unreadable") for kind, file in data.unreadable)
    assert_same("raw.rejects", found, expected)


def assert_player_health_agrees(con: duckdb.DuckDBPyConnection, data: Snapshot) -> None:
    """docs/adr/0027: signs by device, app version and day; deliveries and rejects in total: their day is the load's."""
    columns = [field.name for field in fields(Health)]
    assert_same(
        "marts.fct_player_health",
        _keyed(
            con,
            f"select day, device, app_version, {', '.join(columns)} from marts.fct_player_health where playbacks > 0",
            key_columns=3,
        ),
        {tuple(player): health.counts() for player, health in data.player_health.items()},
    )
    delivered = con.execute(
        "select coalesce(sum(delivered_heartbeats), 0), coalesce(sum(rejects), 0) from marts.fct_player_health"
    ).fetchone()
    rejects = sum(reject.record_type == "heartbeats" for reject in data.rejects)
    assert delivered == (len(data.records["heartbeats"]), rejects)


def assert_watch_time_agrees(con: duckdb.DuckDBPyConnection, data: Snapshot) -> None:
    """RULES.md §3: playbacks, days and viewing sessions, to the millisecond."""
    watch = data.watch
    assert_same(
        "marts.fct_playbacks (first and last heartbeat, watch_ms)",
        _keyed(
            con,
            "select playback_id, subscriber_id, live_id, epoch_ms(first_heartbeat_at),"
            " epoch_ms(last_heartbeat_at), watch_ms from marts.fct_playbacks",
            key_columns=3,
        ),
        {
            tuple(key): (playback.first_at, playback.last_at, playback.watch_ms)
            for key, playback in watch.playbacks.items()
        },
    )
    assert_same(
        "marts.fct_daily_watch (watch_ms, playbacks)",
        _keyed(
            con,
            "select subscriber_id, live_id, day, watch_ms, playbacks from marts.fct_daily_watch",
            key_columns=3,
        ),
        watch.by_day(),
    )
    assert_same(
        "marts.fct_viewing_sessions (watch_ms, playbacks, lives)",
        _keyed(
            con,
            "select subscriber_id, epoch_ms(started_at), epoch_ms(ended_at), watch_ms,"
            " playbacks, lives from marts.fct_viewing_sessions",
            key_columns=3,
        ),
        {tuple(session)[:3]: tuple(session)[3:] for session in watch.sessions()},
    )


def assert_blockers_agree(con: duckdb.DuckDBPyConnection, settlements: Iterable[Settlement]) -> None:
    """Compare the blockers of these months."""
    rows = con.execute("select settlement_month, reason, subject_id from marts.fct_close_blockers").fetchall()
    of_months = list(settlements)
    months = {settlement.month for settlement in of_months}
    assert_same(
        "marts.fct_close_blockers",
        Counter(row for row in rows if row[0] in months),
        Counter((one.month, *blocker) for one in of_months for blocker in one.blockers),
    )


def assert_open_month_agrees(con: duckdb.DuckDBPyConnection, settlement: Settlement) -> None:
    """RULES.md §5: slices and artists of one settlement month, to the nano."""
    month = settlement.month
    assert_same(
        f"marts.fct_period_slices of {month} (weight, amount_nanos, destination)",
        _keyed(
            con,
            "select period_id, subscriber_id, artist_id, category, coalesce(weight, 0)::varchar,"
            " amount_nanos::bigint, destination from marts.fct_period_slices"
            " where settlement_month = ?",
            month,
            key_columns=4,
        ),
        {tuple(one)[:4]: (str(one.weight), one.amount_nanos, one.destination) for one in settlement.slices},
    )
    assert_same(
        f"marts.fct_artist_months of {month} "
        "(direct, pool, earned nanos, earned cents, watch_ms, paying subscribers, pro-rata nanos and cents)",
        _without_zeros(
            _keyed(
                con,
                "select artist_id, current_direct_nanos::bigint, current_pool_nanos::bigint,"
                " current_earned_nanos::bigint, current_earned_cents::bigint,"
                " current_watch_ms::bigint, current_paying_subscribers::bigint,"
                " pro_rata_earned_nanos::bigint, pro_rata_earned_cents::bigint from marts.fct_artist_months"
                " where settlement_month = ?",
                month,
                key_columns=1,
            )
        ),
        _without_zeros(
            {
                (artist_id,): tuple(
                    amounts.get(artist_id, 0)
                    for amounts in (
                        settlement.direct_nanos,
                        settlement.pool_nanos,
                        settlement.earned_nanos,
                        settlement.earned_cents,
                        settlement.watch_ms,
                        settlement.paying_subscribers,
                        settlement.pro_rata_nanos,
                        settlement.pro_rata_cents,
                    )
                )
                for artist_id in {
                    *settlement.earned_nanos,
                    *settlement.watch_ms,
                    *settlement.pro_rata_nanos,
                }
            }
        ),
    )


def assert_closed_month_agrees(month_dir: Path, run: Run) -> None:
    """Compare the files of a closed month (INTERFACES.md) with what the oracle closed."""
    names = (
        "category",
        "watch_ms",
        "paying_subscribers",
        "direct_nanos",
        "pool_nanos",
        "earned_nanos",
        "earned_cents",
        "adjustment_cents",
        "brought_forward_cents",
        "paid_cents",
        "carried_forward_cents",
        "carry_reason",
    )
    with (month_dir / "artist_payouts.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["artist_id"] for row in rows] == sorted(row["artist_id"] for row in rows)
    assert {row["settlement_month"] for row in rows} <= {run.month}
    assert_same(
        f"artist_payouts.csv of {run.month} {names}",
        {row["artist_id"]: tuple(row[name] for name in names) for row in rows},
        {line.artist_id: tuple(_text(getattr(line, name)) for name in names) for line in run.lines},
    )
    _assert_slices_agree(month_dir / "slices.parquet", run.settlement)
    _assert_adjustments_agree(month_dir, run)


def _assert_adjustments_agree(month_dir: Path, run: Run) -> None:
    with (month_dir / "adjustments.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert_same(
        f"adjustments.csv of {run.month}",
        {
            (row["corrects_month"], row["artist_id"]): tuple(
                int(row[name]) for name in ("booked_cents", "recomputed_cents", "adjustment_cents")
            )
            for row in rows
        },
        {
            (one.corrects_month, one.artist_id): (one.booked_cents, one.recomputed_cents, one.adjustment_cents)
            for one in run.adjustments
        },
    )
    resettled = {path.stem: path for path in (month_dir / "resettled").glob("*.parquet")}
    assert {one.corrects_month for one in run.adjustments} <= resettled.keys() <= run.resettled.keys()
    for month, path in resettled.items():
        _assert_slices_agree(path, run.resettled[month])


def _assert_slices_agree(path: Path, settlement: Settlement) -> None:
    with duckdb.connect() as con:
        found = con.execute(
            "select period_pseudonym, artist_id, category, coalesce(weight, 0)::varchar,"
            " amount_nanos::bigint, destination from read_parquet(?)",
            [str(path)],
        ).fetchall()
    assert_same(
        f"{path.name} of {settlement.month}",
        Counter(found),
        Counter(
            (
                period_pseudonym(one.period_id),
                one.artist_id,
                one.category,
                str(one.weight),
                one.amount_nanos,
                one.destination,
            )
            for one in settlement.slices
        ),
    )


def assert_same(what: str, found: Mapping[Any, Hashable], expected: Mapping[Any, Hashable]) -> None:
    """Fail with the cells that differ: what was found, and what the oracle expects."""
    differing = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
    if differing:
        shown = [
            f"  {key}: found {found.get(key, 'nothing')}, expected {expected.get(key, 'nothing')}"
            for key in sorted(differing, key=repr)[:SHOWN]
        ]
        counts = f"{len(differing)} of {len(expected)} expected rows differ"
        raise AssertionError("\n".join([f"{what}: {counts}", *shown]))


def _keyed(
    con: duckdb.DuckDBPyConnection, query: str, *values: Any, key_columns: int
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The rows of a query by their first columns, which must be a key."""
    rows = con.execute(query, list(values)).fetchall()
    keyed = {row[:key_columns]: row[key_columns:] for row in rows}
    repeated = [key for key, count in Counter(row[:key_columns] for row in rows).items() if count > 1]
    assert not repeated, f"rows repeat their key: {repeated[:SHOWN]}\n{query}"
    return keyed


def _without_zeros(rows: Mapping[Any, tuple[int, ...]]) -> dict[Any, tuple[int, ...]]:
    return {key: amounts for key, amounts in rows.items() if any(amounts)}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
