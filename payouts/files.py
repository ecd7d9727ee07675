"""Writes the files of a closed month: data, statements, manifest. The same run gives the same bytes."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from allive.ingestion.durable import sync_file
from allive.ingestion.settings import Settings
from allive.payouts import pseudonyms
from allive.payouts.balances import Payee
from allive.payouts.bank_details import electronic
from allive.payouts.ledger import (
    ADJUSTMENTS_FILE,
    CONTROL_FILE,
    KEY_CHECK,
    LIVES_FILE,
    MANIFEST_FILE,
    MONTH_FORMAT,
    PAYEES_FILE,
    PAYOUTS_FILE,
    RESETTLED_FOLDER,
    SLICES_FILE,
    TRANSFERS_FILE,
    WITHHOLDINGS_FILE,
)
from allive.payouts.payees import PayeeLine, payer_identity
from allive.payouts.run import Adjustment, ClosedRun, PayoutLine
from allive.payouts.statements import statement_number, write_statements
from allive.payouts.statements.writing import Progress
from allive.payouts.transfers import TransferLine
from allive.payouts.withheld import WithheldLine
from allive.payouts.withholdings import withheld_of

_Line = PayoutLine | Adjustment | TransferLine | WithheldLine | PayeeLine
_MONEY: Final = pa.decimal128(38, 0)
_SLICES_FIELDS: "Final[list[pa.Field[Any]]]" = [
    pa.field("period_pseudonym", pa.string(), nullable=False),
    pa.field("subscriber_pseudonym", pa.string(), nullable=False),
    pa.field("artist_id", pa.string()),
    pa.field("category", pa.string()),
    pa.field("weight", _MONEY, nullable=False),
    pa.field("amount_nanos", _MONEY, nullable=False),
    pa.field("destination", pa.string(), nullable=False),
]
_SLICES_SCHEMA: Final = pa.schema(_SLICES_FIELDS)
_ROWS_PER_GROUP: Final = 131_072
_SLICES_SQL: Final = f"""
    select
        {pseudonyms.PERIOD_SQL} as period_pseudonym,
        {pseudonyms.SUBSCRIBER_SQL} as subscriber_pseudonym,
        artist_id,
        category,
        weight,
        cast(amount_nanos as decimal(38, 0)) as amount_nanos,
        destination
    from marts.fct_period_slices
    where settlement_month = $settlement_month
    order by period_pseudonym, artist_id nulls first, category
"""


_LIVES_SQL: Final = """
    select settlement_month, artist_id, live_id, title, watch_ms, paying_subscribers, direct_nanos
    from marts.fct_artist_lives
    where settlement_month = ?
    order by artist_id, live_id
"""
_ROWS_PER_FETCH: Final = 10_000


def write_data(folder: Path, run: ClosedRun, *, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write the run's rows, slices and control totals into an empty folder. The run hash covers these files."""
    month = run.settlement_month
    _write_csv(folder / PAYOUTS_FILE, PayoutLine, run.lines)
    _write_csv(folder / ADJUSTMENTS_FILE, Adjustment, run.adjustments)
    _write_csv(folder / TRANSFERS_FILE, TransferLine, transfers_of(run))
    if run.withholdings:
        _write_csv(folder / WITHHOLDINGS_FILE, WithheldLine, withheld_by(run))
    _write_csv(folder / PAYEES_FILE, PayeeLine, _payees_of(run, settings))
    _write_lives(folder / LIVES_FILE, run, con=con)
    _write_slices(folder / SLICES_FILE, month, con=con, settings=settings)
    if run.resettled:
        (folder / RESETTLED_FOLDER).mkdir()
    for again in run.resettled:
        _write_slices(folder / RESETTLED_FOLDER / f"{again}.parquet", again, con=con, settings=settings)
    # No month has receipts yet, whose root the field is kept for.
    of_format = {KEY_CHECK: pseudonyms.key_check(settings), "receipts_root": None, **payer_identity(settings)}
    _write_json(folder / CONTROL_FILE, run.control | of_format)


def transfers_of(run: ClosedRun) -> tuple[TransferLine, ...]:
    """Return the transfers that the run asks for, in the order of its lines."""
    withheld: Counter[str] = Counter()
    for one in withheld_by(run):
        withheld[one.artist_id] += one.withheld_cents
    return tuple(
        _transfer(
            line,
            statement_number(run.settlement_month, position),
            run.payees[line.artist_id],
            withheld_cents=withheld[line.artist_id],
        )
        for position, line in enumerate(run.lines, start=1)
        if line.paid_cents
    )


def withheld_by(run: ClosedRun) -> tuple[WithheldLine, ...]:
    """Return what the run withholds of its payments, in the order of its lines and of the setting."""
    return tuple(
        one
        for line in run.lines
        if line.paid_cents
        for one in withheld_of(
            run.settlement_month,
            line.artist_id,
            line.paid_cents,
            tax_country=run.payees[line.artist_id].tax_country,
            withholdings=run.withholdings,
        )
    )


def _payees_of(run: ClosedRun, settings: Settings) -> Iterator[PayeeLine]:
    """Yield who is on each statement; the law has an exempt artist's statement name the exemption from VAT."""
    for line in run.lines:
        payee = run.payees.get(line.artist_id) or Payee(line.artist_id)
        yield PayeeLine(
            settlement_month=run.settlement_month,
            artist_id=payee.artist_id,
            legal_name=payee.legal_name,
            siren=payee.siren,
            vat_id=payee.vat_id,
            tax_country=payee.tax_country,
            vat_note=(settings.vat_due_note if payee.vat_id else settings.vat_not_due_note) or None,
        )


def _transfer(line: PayoutLine, number: str, payee: Payee, *, withheld_cents: int) -> TransferLine:
    assert payee.iban is not None  # noqa: S101 - no one is paid without one (allive.payouts.balances)
    return TransferLine(
        settlement_month=line.settlement_month,
        end_to_end_id=number,
        artist_id=line.artist_id,
        account_holder=payee.creditor_name,
        iban=electronic(payee.iban),
        bic=payee.bic,
        street=payee.street,
        postcode=payee.postcode,
        town=payee.town,
        country=payee.country,
        paid_cents=line.paid_cents,
        withheld_cents=withheld_cents,
        ordered_cents=line.paid_cents - withheld_cents,
    )


def write_documents(
    folder: Path,
    run: ClosedRun,
    *,
    settings: Settings,
    previous_run_hash: str,
    progress: Progress | None = None,
) -> str:
    """Write statements and manifest next to the run's data, durably, and return the run hash.

    `progress` is called with the number of statements written, and their total.
    """
    month = run.settlement_month
    run_hash = chain_hash(previous_run_hash, _hashes(folder))
    write_statements(folder, run_hash=run_hash, contact=settings.statement_contact, progress=progress)
    _write_json(
        folder / MANIFEST_FILE,
        {
            "format": MONTH_FORMAT,
            "settlement_month": month,
            "run_hash": run_hash,
            "previous_run_hash": previous_run_hash,
            "files": _hashes(folder),
        },
    )
    for path in (*folder.rglob("*"), folder):
        sync_file(path)
    return run_hash


def _hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by its path relative to the folder."""
    paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix().encode())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}


def chain_hash(previous_run_hash: str, data_files: dict[str, str]) -> str:
    r"""Return the run hash: SHA-256 over the previous run's hash and the data files' hashes and names, sorted by name.

    >>> chain_hash("0" * 64, {}) == hashlib.sha256(b"0" * 64 + b"\n").hexdigest()
    True
    """
    lines = [previous_run_hash, *(f"{data_files[name]}  {name}" for name in sorted(data_files))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_csv(path: Path, line: type, lines: Iterable[_Line]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(line)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in asdict(one).items()} for one in lines)


def _write_lives(path: Path, run: ClosedRun, *, con: duckdb.DuckDBPyConnection) -> None:
    """Write the earnings of each live, for the artists who have a line."""
    lives = con.execute(_LIVES_SQL, [run.settlement_month])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column[0] for column in lives.description])
        artists = {line.artist_id for line in run.lines}
        while rows := lives.fetchmany(_ROWS_PER_FETCH):
            writer.writerows([_cell(value) for value in row] for row in rows if row[1] in artists)


def _cell(value: Any) -> Any:
    # With newlines as line ends, `csv` does not quote a lone carriage return, but most readers end a line there.
    return value.replace("\r", " ") if isinstance(value, str) else value


def _write_slices(path: Path, month: str, *, con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    # Written in order by pyarrow, in row groups of fixed size: DuckDB's own writer cuts row groups by thread.
    pads = pseudonyms.subscriber_pads(settings) | pseudonyms.period_pads(settings)
    slices = con.execute(_SLICES_SQL, {"settlement_month": month, **pads}).to_arrow_reader(_ROWS_PER_GROUP)
    with pq.ParquetWriter(path, _SLICES_SCHEMA, compression="zstd") as writer:
        for group in _groups(slices):
            writer.write_table(group, row_group_size=_ROWS_PER_GROUP)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Cut the slices into row groups of one size, however they are batched: DuckDB 1.5 and 2 batch differently."""
    waiting = _SLICES_SCHEMA.empty_table()
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch]).cast(_SLICES_SCHEMA)])
        while waiting.num_rows >= _ROWS_PER_GROUP:
            yield waiting.slice(0, _ROWS_PER_GROUP).combine_chunks()
            waiting = waiting.slice(_ROWS_PER_GROUP)
    if waiting.num_rows:
        yield waiting.combine_chunks()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
