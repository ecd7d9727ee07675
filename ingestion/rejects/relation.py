"""All rejects of a data home as one relation: those in the raw tables and those of held files.

A reject is answered when its record was delivered again. This is known in two ways. Either its line was delivered in an
export that contains it, and was accepted or rejected again (the new reject then replaces it). Or a record with the same
ids was accepted in a later batch, from any delivery. A malformed line has no ids, so only an export can answer it.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from allive.ingestion.batches import held_rejects
from allive.ingestion.contracts import CONTRACTS
from allive.ingestion.contracts.words import UNREADABLE, fields_of, identity_of
from allive.ingestion.engine import connect
from allive.ingestion.paris_days import PARIS
from allive.ingestion.raw_tables import REJECTS, read_pins, scan_of, scan_of_stored, stored_files
from allive.ingestion.raw_versions import batches_loaded_at
from allive.ingestion.rejects.delivered import CsvHeader, is_csv, read_header
from allive.ingestion.rejects.exported import DELIVERED_AS, export_files
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text

_BETWEEN_IDS = "chr(31)"


@dataclass(frozen=True)
class Wanted:
    """A selection of rejects; an attribute that is None selects all."""

    month: str | None = None
    """Month of the load, in Paris, such as 2021-02: the date in a rejected line is not reliable."""
    record_type: str | None = None
    file: str | None = None
    reason: str | None = None
    is_open: bool = False
    """Only those that are not answered."""
    is_held: bool = False
    """Only those of held files."""

    def as_sql(self) -> tuple[str, dict[str, Any]]:
        """The condition, and the values that it binds."""
        given = {
            "load_month": self.month,
            "record_type": self.record_type,
            "source_file": self.file,
            "reason": self.reason,
        }
        bound = {name: value for name, value in given.items() if value is not None}
        conditions = [f"{name} = ${name}" for name in bound]
        conditions += ["answered_by is null"] if self.is_open else []
        conditions += ["is_held"] if self.is_held else []
        return " and ".join(conditions) or "true", bound


@dataclass(frozen=True)
class Kind:
    """The rejects of one file for one reason."""

    record_type: str
    file: str
    reason: str
    load_month: str
    is_held: bool
    records: int
    answered: int
    first_line: int | None


@dataclass(frozen=True)
class Reject:
    """A rejected line, or a whole file that was set aside (it has no line, and `raw` says why)."""

    record_type: str
    file: str
    line: int | None
    reason: str
    load_month: str
    is_held: bool
    answered_by: str | None
    """File and line where its record was delivered again."""
    raw: str
    file_hash: str


class Rejects:
    """The rejects of a data home, read in bounded memory."""

    def __init__(self, settings: Settings, con: duckdb.DuckDBPyConnection) -> None:
        self._settings, self._con = settings, con
        self._headers: dict[tuple[str, str, str], CsvHeader | None] = {}
        self._create_rejects()
        self._find_answers()

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection with the relation `rejects`."""
        return self._con

    def header_of(self, record_type: str, file: str, file_hash: str) -> CsvHeader | None:
        """The header of a CSV file that had rejects, while the file is in landing."""
        key = (record_type, file, file_hash)
        if key not in self._headers:
            self._headers[key] = read_header(self._settings, *key)
        return self._headers[key]

    def count(self, wanted: Wanted) -> tuple[int, int]:
        """The number of kinds of rejects, and of rejects."""
        where, bound = wanted.as_sql()
        row = self._con.execute(
            "select count(distinct (record_type, source_file, reason, load_month, is_held)), count(*) "
            f"from rejects where {where}",
            bound,
        ).fetchone()
        return row or (0, 0)

    def kinds(self, wanted: Wanted, *, first: int, most: int) -> list[Kind]:
        """A page of the kinds of rejects, by type, file and reason."""
        where, bound = wanted.as_sql()
        rows = self._con.execute(
            "select record_type, source_file, reason, load_month, is_held, count(*), count(answered_by), "
            f"min(source_line) from rejects where {where} group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5 "
            "limit $most offset $first",
            bound | {"first": first, "most": most},
        ).fetchall()
        return [Kind(*row) for row in rows]

    def lines(self, wanted: Wanted, *, first: int, most: int) -> list[Reject]:
        """A page of the rejects, by type, file and line."""
        where, bound = wanted.as_sql()
        rows = self._con.execute(
            "select record_type, source_file, source_line, reason, load_month, is_held, answered_by, raw, file_hash "
            f"from rejects where {where} order by 1, 2, 3 limit $most offset $first",
            bound | {"first": first, "most": most},
        ).fetchall()
        return [Reject(*row) for row in rows]

    def _create_rejects(self) -> None:
        pinned = stored_files(self._settings, REJECTS, read_pins(self._settings).layouts[REJECTS])
        loaded = scan_of_stored(self._settings, REJECTS, pinned)
        held = held_rejects(self._settings)
        waiting = [(part.batch_id, name) for part in held for name in part.names]
        self._con.execute(
            "create temp table waiting as "
            "select unnest($batch_ids::varchar[]) as batch_id, unnest($names::varchar[]) as name",
            {"batch_ids": [batch_id for batch_id, _ in waiting], "names": [name for _, name in waiting]},
        )
        parts = [
            f"select *, false as is_held, cast(null as varchar) as held_month, batch_number as since from ({loaded})"
        ]
        parts += [
            # Held files were never loaded, so the next batch can have the number that they were staged with.
            f"select *, true, {sql_text(_month(datetime.fromisoformat(part.held_at)))}, batch_number - 1 "
            f"from ({scan_of(REJECTS, part.files)}) "
            f"where source_file in (select name from waiting where batch_id = {sql_text(part.batch_id)})"
            for part in held
        ]
        self._con.execute(f"create temp view kept as {' union all '.join(parts)}")
        numbers = [
            number
            for (number,) in self._con.execute("select distinct batch_number from kept where not is_held").fetchall()
        ]
        months = {number: _month(at) for number, at in batches_loaded_at(self._settings, REJECTS, numbers).items()}
        self._con.execute(
            "create temp table load_months as "
            "select unnest($numbers::bigint[]) as batch_number, unnest($months::varchar[]) as load_month",
            {"numbers": [*months], "months": [*months.values()]},
        )
        self._con.execute(
            "create temp table answers "
            "(record_type varchar, file_hash varchar, source_line bigint, answered_by varchar)"
        )
        self._con.execute(
            """
            create temp view rejects as
            select kept.*, coalesce(kept.held_month, load_months.load_month, '') as load_month, answers.answered_by
            from kept
            left join load_months on kept.batch_number = load_months.batch_number
            left join answers
                on kept.record_type = answers.record_type
                and kept.file_hash = answers.file_hash
                and kept.source_line = answers.source_line
            """
        )

    def _find_answers(self) -> None:
        if exports := export_files(self._settings):
            files = ", ".join(sql_text(path) for path in exports)
            self._con.execute(f"create temp view exported as select * from read_parquet([{files}])")
            for (record_type,) in self._con.execute("select distinct record_type from exported").fetchall():
                self._answer_by_exports(record_type)
        for (record_type,) in self._con.execute(
            "select distinct record_type from rejects where source_line is not null and answered_by is null"
        ).fetchall():
            self._answer_by_identity(record_type)

    def _answer_by_exports(self, record_type: str) -> None:
        """Answer the exported lines that were delivered again.

        If a delivered line has other ids than the exported one, lines were moved. Then no line of that delivery
        answers a reject.
        """
        (since,) = self._con.execute(
            "select min(batch_number) from exported where record_type = ?", [record_type]
        ).fetchone() or (0,)
        accepted = self._accepted(record_type, since=since)
        self._con.execute(
            f"""
            insert into answers
            with delivered as (
                select
                    source_file, source_line, identity, regexp_extract(source_file, $delivered_as, 1) as export_file
                from (
                    select source_file, source_line, identity from ({accepted})
                    union all
                    select source_file, source_line, null from kept where record_type = $record_type and not is_held
                )
                where contains(source_file, 'rejects-') and source_line is not null
            ),
            pairs as (
                select
                    exported.*, delivered.source_file as delivered_file, delivered.source_line as delivered_line,
                    coalesce(exported.identity <> delivered.identity, false) as is_moved
                from exported
                inner join delivered
                    on exported.export_file = delivered.export_file and exported.export_line = delivered.source_line
                where exported.record_type = $record_type
            ),
            moved as (select delivered_file from pairs group by delivered_file having bool_or(is_moved))
            select
                record_type, file_hash, source_line,
                min(delivered_file || ', line ' || delivered_line)
            from pairs
            where delivered_file not in (select delivered_file from moved)
            group by record_type, file_hash, source_line
            """,
            {"delivered_as": DELIVERED_AS, "record_type": record_type},
        )

    def _answer_by_identity(self, record_type: str) -> None:
        """Answer the rejects that have the same ids as a record of a later batch."""
        contract = CONTRACTS[record_type]
        names = identity_of(contract)
        self._con.execute(
            "create or replace temp table known_by (file_hash varchar, source_line bigint, since bigint, "
            "identity varchar)"
        )
        self._con.execute(
            f"""
            insert into known_by
            select file_hash, source_line, since, identity
            from (
                select rejects.*, {self.identity_of_raw(record_type)} as identity
                from rejects
                where record_type = $record_type and source_line is not null and answered_by is null
            )
            where identity is not null and not list_contains($about, reason)
            """,
            {"record_type": record_type, "about": reasons_about(record_type, names)},
        )
        (since,) = self._con.execute("select min(since) from known_by").fetchone() or (None,)
        if since is None:
            return
        self._con.execute(
            f"""
            insert into answers
            select $record_type, known_by.file_hash, known_by.source_line,
                min(accepted.source_file || ', line ' || accepted.source_line)
            from known_by
            inner join ({self._accepted(record_type, since=since)}) as accepted
                on known_by.identity = accepted.identity and accepted.batch_number > known_by.since
            group by known_by.file_hash, known_by.source_line
            """,
            {"record_type": record_type},
        )

    def _accepted(self, record_type: str, *, since: int) -> str:
        """SQL for the file, line, batch number and ids of the accepted records of later batches."""
        contract = CONTRACTS[record_type]
        layout = read_pins(self._settings).layouts[record_type]
        files = [file for file in stored_files(self._settings, record_type, layout) if file.last_batch > since]
        identity = f" || {_BETWEEN_IDS} || ".join(f"cast({name} as varchar)" for name in identity_of(contract))
        return (
            f"select source_file, source_line, batch_number, {identity} as identity "
            f"from ({scan_of_stored(self._settings, record_type, files)}) where batch_number > {since:d}"
        )

    def identity_of_raw(self, record_type: str) -> str:
        """SQL for the ids in a rejected line; NULL if they cannot be determined."""
        names = identity_of(CONTRACTS[record_type])
        in_json = f" || {_BETWEEN_IDS} || ".join(f"trim(json_extract_string(raw, '$.{name}'))" for name in names)
        layouts: dict[tuple[str, tuple[int, ...]], list[str]] = defaultdict(list)
        csv_files = []
        for file, file_hash in self._con.execute(
            "select distinct source_file, file_hash from kept where record_type = ? and source_line is not null",
            [record_type],
        ).fetchall():
            if not is_csv(file):
                continue
            csv_files.append(file_hash)
            header = self.header_of(record_type, file, file_hash)
            if header is not None and set(names) <= set(header.names):
                cells = tuple(header.names.index(name) + 1 for name in names)
                layouts[header.separator, cells].append(file_hash)
        in_csv = "".join(
            f" when not contains(raw, '\"') and list_contains({_sql_list(hashes)}, file_hash) then "
            + f" || {_BETWEEN_IDS} || ".join(
                f"trim(string_split(raw, {sql_text(separator)})[{cell}])" for cell in cells
            )
            for (separator, cells), hashes in layouts.items()
        )
        is_csv_file = f"when list_contains({_sql_list(csv_files)}, file_hash) then null"
        return f"case{in_csv} {is_csv_file} when json_valid(raw) then {in_json} end"


def reasons_about(record_type: str, names: tuple[str, ...]) -> list[str]:
    """The reasons that are about one of these fields."""
    contract = CONTRACTS[record_type]
    return [reason for reason in contract.reasons if set(fields_of(contract, reason)) & set(names)] + [UNREADABLE]


def _sql_list(texts: list[str]) -> str:
    """A list of texts as SQL."""
    return f"cast([{', '.join(map(sql_text, texts))}] as varchar[])"


def _month(at: datetime) -> str:
    return at.astimezone(PARIS).strftime("%Y-%m")


@contextmanager
def open_rejects(settings: Settings) -> Iterator[Rejects]:
    """Open the rejects of a data home, read-only."""
    con = connect(settings)
    try:
        yield Rejects(settings, con)
    finally:
        con.close()
