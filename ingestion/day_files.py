"""Writes accepted records to Parquet files. A table partitioned by day gets one per day, and one for a load's strays.

DuckDB keeps buffers for each value that it partitions by, and each file is written, synced, renamed and opened
separately. A load of very many days therefore first writes a limited number of groups of days. Then only days with
enough records get a file of their own (docs/adr/0026).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb

from allive.ingestion.contracts import Contract
from allive.ingestion.contracts.typing_sql import ACCEPTED, without_notes
from allive.ingestion.paris_days import PARIS
from allive.ingestion.raw_tables import PARQUET_OPTIONS
from allive.ingestion.sql_text import sql_text

MOST_DAYS = 64
"""A load of at most this many days has no strays."""
FEWEST_OF_A_DAY = 512
"""In a load of more days, the records of a day with fewer are strays: a file costs as much as writing this many."""
READ_FILES: Final = "select * from read_parquet($files, hive_partitioning = false)"
_OUTCOME: Final = "outcome"
_GROUP: Final = "day_group"
_DAYS_IN_TURN: Final = 64
_DAYS_AT_ONCE: Final = 256


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file of judged records."""

    path: Path
    records: int
    size: int
    outcome: str
    partition: dict[str, str | None]
    statistics: dict[str, dict[str, str]]
    """Statistics by quoted column name, as DuckDB's `copy` returns them."""


def write_apart(
    con: duckdb.DuckDBPyConnection, query: str, contract: Contract, folder: Path, parameters: dict[str, Any]
) -> list[WrittenFile]:
    """Write a query's rows to files by `outcome`; for a table partitioned by day, also by group of days."""
    if day := contract.partition_column:
        query = f"select * exclude ({day}), {_group_of(day)} as {_GROUP} from ({query})"
        return _copy(con, query, folder, [_OUTCOME, _GROUP], parameters)
    return _copy(con, query, folder, [_OUTCOME], parameters)


def _group_of(day: str) -> str:
    """SQL for the group of a day. Each day of the last weeks has its own group; so does each of 64 consecutive days."""
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=_DAYS_IN_TURN - 2), today + timedelta(days=1)
    is_late = f"{day} between date '{first}' and date '{last}'"
    in_turn = f"({day} - date '1970-01-01') % {_DAYS_IN_TURN}"
    return f"cast({in_turn} + case when {is_late} then 0 else {_DAYS_IN_TURN} end as utinyint)"


def _copy(
    con: duckdb.DuckDBPyConnection, query: str, folder: Path, partition_by: list[str], parameters: Mapping[str, Any]
) -> list[WrittenFile]:
    folder.mkdir(parents=True)
    rows = con.execute(
        f"copy ({query}) to {sql_text(folder)} ({PARQUET_OPTIONS}, partition_by ({', '.join(partition_by)}))",
        parameters,
    ).fetchall()
    return [
        WrittenFile(
            path=Path(path),
            records=records,
            size=size,
            outcome=keys[_OUTCOME],
            partition={name: keys[name] for name in partition_by if name not in {_OUTCOME, _GROUP}},
            statistics=statistics,
        )
        for path, records, size, _, statistics, keys, *_ in rows  # DuckDB 2 adds a column
    ]


def lay_out(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    accepted: list[WrittenFile],
    odd: list[WrittenFile],
    folder: Path,
) -> list[WrittenFile]:
    """Bring accepted records into one file per day, and strays into one file. Odd records lose their notes.

    Args:
        con: an open connection.
        contract: the contract of the record type.
        accepted: the files of accepted records from `write_apart`.
        odd: its files of odd records.
        folder: where to write the records that have to be rewritten.
    """
    column = contract.partition_column
    if column is None:
        return [*accepted, *_Rest(con, contract, [], odd).write(folder / "part-odd")]
    day_of = {file.path: _only_day(file) for file in accepted}
    rest = _Rest(con, contract, [file for file in accepted if day_of[file.path] is None], odd)
    in_rest = rest.count_days()
    records = in_rest + Counter()
    for file in accepted:
        if day := day_of[file.path]:
            records[day] += file.records
    strays = {day for day, found in records.items() if found < FEWEST_OF_A_DAY} if len(records) > MOST_DAYS else set()
    kept = []
    for file in accepted:
        if (day := day_of[file.path]) in strays:
            rest.files.append(file)
        elif day is not None:
            kept.append(replace(file, partition={column: day.isoformat()}))
    dated = sorted(in_rest.keys() - strays)
    for first in range(0, len(dated), _DAYS_AT_ONCE):
        kept += rest.write(folder / f"part-days-{first}", of_days=dated[first : first + _DAYS_AT_ONCE])
    if strays:
        kept.append(rest.write_strays(folder / "strays.parquet", strays))
    rest.remove()
    return kept


def _only_day(file: WrittenFile) -> date | None:
    """The Paris day of all records of a file; None if they have several days."""
    bounds = file.statistics['"event_at"']
    first, last = (datetime.fromisoformat(bounds[name]).astimezone(PARIS).date() for name in ("min", "max"))
    return first if first == last else None


@dataclass
class _Rest:
    """Records that have to be rewritten: those in files of several days, and odd ones."""

    con: duckdb.DuckDBPyConnection
    contract: Contract
    files: list[WrittenFile]
    odd: list[WrittenFile]

    def count_days(self) -> Counter[date]:
        """The number of records of each day."""
        if not (self.files or self.odd):
            return Counter()
        query = f"select {self.contract.partition_column}, count(*) from ({self._records()}) group by 1"
        return Counter(dict(self.con.execute(query, self._paths()).fetchall()))

    def write(self, folder: Path, *, of_days: list[date] | None = None) -> list[WrittenFile]:
        """Write the records (of some days) to files, one per day if the table is partitioned by day."""
        if not (self.files or self.odd):
            return []
        column = self.contract.partition_column
        query = f"select {sql_text(ACCEPTED)} as {_OUTCOME}, * from ({self._records()})"
        partition_by = [_OUTCOME, column] if column else [_OUTCOME]
        if of_days is None:
            return _copy(self.con, query, folder, partition_by, self._paths())
        bound = self._paths() | {"days": of_days}
        return _copy(self.con, f"{query} where {self._is_of_days()}", folder, partition_by, bound)

    def write_strays(self, target: Path, days: Iterable[date]) -> WrittenFile:
        """Write the records of some days to one file; each record's day is computed from its instant."""
        column = self.contract.partition_column or ""
        _, records, size, _, statistics, *_ = self.con.execute(
            f"copy (select * exclude ({column}) from ({self._records()}) where {self._is_of_days()}) "
            f"to {sql_text(target)} ({PARQUET_OPTIONS})",
            self._paths() | {"days": sorted(days)},
        ).fetchall()[0]
        return WrittenFile(target, records, size, ACCEPTED, {column: None}, statistics)

    def remove(self) -> None:
        """Delete the files: their records are in other files."""
        for file in (*self.files, *self.odd):
            file.path.unlink()

    def _is_of_days(self) -> str:
        return f"{self.contract.partition_column} in (select unnest(cast($days as date[])))"

    def _records(self) -> str:
        column = self.contract.partition_column
        day = f", {self.contract.partition_sql} as {column}" if column else ""
        with_day = f"select *{day} from ({READ_FILES})"
        parts = [f"select {', '.join(self.contract.columns)} from ({with_day})"] if self.files else []
        if self.odd:
            parts.append(without_notes(self.contract, with_day.replace("$files", "$odd_files")))
        return " union all ".join(parts)

    def _paths(self) -> dict[str, Any]:
        lists = {"files": self.files, "odd_files": self.odd}
        return {name: [str(file.path) for file in files] for name, files in lists.items() if files}
