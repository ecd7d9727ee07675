"""The periods that closed months booked, by id: table `build.booked_periods`, kept from build to build.

Months of format 1 name their periods by id. Those of format 2 name them by pseudonyms, so the pseudonyms of all periods
in the raw tables are computed, and compared. That takes seconds for millions of periods, and a closed month never
changes: a file is read once.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from allive.ingestion.raw_tables import read_pins, scan_of_stored, stored_files
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.payouts import ledger, pseudonyms

_SUBSCRIPTIONS: Final = "subscriptions"
_TABLES: Final = (
    "create schema if not exists build",
    "create table if not exists build.booked_periods (period_id varchar, settlement_month varchar)",
    "create table if not exists build.booked_files (file varchar)",
)
_NEW_BY_ID: Final = """
    insert into build.booked_periods
    select distinct found.period_id, found.settlement_month from ({slices}) as found
    anti join build.booked_periods as known
        on found.period_id = known.period_id and found.settlement_month = known.settlement_month
"""
_RECOGNISED: Final = f"""
    create or replace temp table recognised as
    with booked as (select distinct period_pseudonym, settlement_month from ({{slices}})),
    recorded as (
        select period_id, {pseudonyms.PERIOD_SQL} as period_pseudonym
        from (select distinct period_id from ({{periods}}))
    )
    select recorded.period_id, booked.settlement_month
    from booked
    left join recorded on booked.period_pseudonym = recorded.period_pseudonym
"""


class UnknownBookingsError(Exception):
    """A closed month booked periods that are not among the subscriptions in the raw tables."""


@dataclass(frozen=True)
class _SlicesFile:
    """A file of slices, with the month that its periods are booked in."""

    key: str
    """Its path and SHA-256: the same key is the same content."""
    path: Path
    booked_in: str
    column: str

    def scan(self) -> str:
        month = sql_text(self.booked_in)
        return f"select {self.column}, {month} as settlement_month from read_parquet({sql_text(self.path)})"


def note_booked_periods(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bring `build.booked_periods` up to date: one row per period and month that booked it.

    Memory is that of the connection; beyond it, DuckDB spills.

    Raises:
        PseudonymKeyError: The key of the pseudonyms is not that of the closed months.
        UnknownBookingsError: A closed month booked periods that are not in the raw tables: they could not be
            recognised if they came back, and would be paid again.
    """
    pseudonyms.require_key_of_months(settings)
    files = [one for month in ledger.closed_months(settings) for one in _slices_files(settings, month)]
    for statement in _TABLES:
        con.execute(statement)
    known = {key for (key,) in con.execute("select file from build.booked_files").fetchall()}
    if known == {one.key for one in files}:
        return
    con.execute("begin")
    try:
        if not known.issubset(one.key for one in files):
            con.execute("delete from build.booked_periods")
            con.execute("delete from build.booked_files")
            known = set()
        _add(con, settings, [one for one in files if one.key not in known])
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


def _slices_files(settings: Settings, month: str) -> list[_SlicesFile]:
    """Return the slices of the periods that a run settled, and of those that it added to earlier months."""
    folder = ledger.month_dir(settings, month)
    manifest = ledger.read_manifest(settings, month)
    column = ledger.period_column(manifest.format)
    booked_in = {ledger.SLICES_FILE: month}
    booked_in |= {
        name: Path(name).stem for name in manifest.files if Path(name).match(f"{ledger.RESETTLED_FOLDER}/*.parquet")
    }
    return [
        _SlicesFile(f"{month}/{name} {manifest.files[name]}", folder / name, booked_month, column)
        for name, booked_month in booked_in.items()
    ]


def _add(con: duckdb.DuckDBPyConnection, settings: Settings, files: list[_SlicesFile]) -> None:
    by_id = [one for one in files if one.column == ledger.PERIOD_ID]
    by_pseudonym = [one for one in files if one.column != ledger.PERIOD_ID]
    if by_id:
        con.execute(_NEW_BY_ID.format(slices=_all(by_id)))
    if by_pseudonym:
        stored = stored_files(settings, _SUBSCRIPTIONS, read_pins(settings).layouts[_SUBSCRIPTIONS])
        periods = scan_of_stored(settings, _SUBSCRIPTIONS, stored)
        con.execute(_RECOGNISED.format(slices=_all(by_pseudonym), periods=periods), pseudonyms.period_pads(settings))
        _require_all(con)
        con.execute(_NEW_BY_ID.format(slices="select * from recognised"))
        con.execute("drop table recognised")
    con.executemany("insert into build.booked_files values (?)", [[one.key] for one in files])


def _all(files: list[_SlicesFile]) -> str:
    return " union all ".join(one.scan() for one in files)


def _require_all(con: duckdb.DuckDBPyConnection) -> None:
    unknown = Counter(
        dict(
            con.execute(
                "select settlement_month, count(*) from recognised where period_id is null group by settlement_month"
            ).fetchall()
        )
    )
    if unknown:
        raise UnknownBookingsError(
            f"raw/{_SUBSCRIPTIONS}: {unknown.total():,} periods that are booked in {', '.join(sorted(unknown))} are "
            "not there under any id, expected every period that a closed month booked. If they came back, they would "
            "be paid again. Restore raw/ from a backup of the same day as payouts/, or a later one. Nothing was built."
        )
