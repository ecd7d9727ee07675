"""The serving copy in service: its file, and whether it shows the current state. `publish` writes it."""

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

import allive.payouts
from allive.ingestion.batches import list_held
from allive.ingestion.settings import Settings
from allive.payouts import chained_log, ledger
from allive.payouts.payments.balance_entries import open_balances
from allive.payouts.payments.register import register_path

CURRENT: Final = "current.duckdb"
_WRITERS: Final = (Path(__file__).with_name("publishing"), Path(allive.payouts.__file__).parent)


@dataclass(frozen=True)
class ServingCopy:
    """The copy that `current.duckdb` points to."""

    path: Path
    inputs: str
    rows: dict[str, int]
    is_new: bool


def find_copy_in_service(settings: Settings, *, inputs: str) -> ServingCopy | None:
    """Return the copy in service, if it can be read and `publish` would keep it; None if it would write another.

    Args:
        settings: The data home.
        inputs: The hash of the warehouse's inputs.
    """
    path = (settings.serving_dir / CURRENT).resolve()
    state = state_of_copy(settings, inputs=inputs)
    try:
        with duckdb.connect(path, read_only=True) as con:
            if con.execute("select inputs from published.copy").fetchone() != (state,):
                return None
            rows = dict(con.execute("select mart, rows from published.marts order by mart").fetchall())
            there = con.execute("select table_name from duckdb_tables() where schema_name = 'published'").fetchall()
            for (table,) in there:  # `publish` reads them: a damaged block must show here as it does there
                con.execute(f'select bit_xor(hash(one)) from published."{table}" as one').fetchone()
    except duckdb.Error:
        return None
    return ServingCopy(path=path, inputs=state, rows=rows, is_new=False)


def state_of_copy(settings: Settings, *, inputs: str) -> str:
    """Hash everything that determines a copy, except the clock and the estimates of earlier copies.

    Held batches count: they change nothing that the warehouse reads, but the dashboards must show them.
    """
    parts = {
        "warehouse": inputs,
        "code": code_version(),
        "held": [(held.batch_id, held.names) for held in list_held(settings)],
        "balances": open_balances(settings),
        "payments": chained_log.head(register_path(settings)),
        "closed": [ledger.read_manifest(settings, month).run_hash for month in ledger.closed_months(settings)],
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def code_version() -> str:
    """Hash the code that writes copies and the engine's version: rows of another version are not reused."""
    files = sorted(path for package in _WRITERS for path in package.rglob("*") if path.suffix in {".py", ".sql"})
    digest = hashlib.sha256(duckdb.__version__.encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()
