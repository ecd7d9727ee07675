"""The slices file of a month has the same bytes whatever the engine's batch size (RULES.md §6)."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allive.payouts.files import _ROWS_PER_GROUP, _SLICES_SCHEMA, _groups

ROWS = 2 * _ROWS_PER_GROUP + 1_000


@pytest.fixture(scope="module")
def slices() -> pa.Table:
    numbers = range(ROWS)
    columns = {
        "period_pseudonym": [f"p{i // 3}" for i in numbers],
        "subscriber_pseudonym": [f"s{i // 3}" for i in numbers],
        "artist_id": [f"a{i % 3}" if i % 7 else None for i in numbers],
        "category": ["known" if i % 7 else None for i in numbers],
        "weight": [Decimal(i) for i in numbers],
        "amount_nanos": [Decimal(i * 1_000) for i in numbers],
        "destination": ["pool" for _ in numbers],
    }
    return pa.table(columns, schema=_SLICES_SCHEMA)


def written(path: Path, slices: pa.Table, *, rows_per_batch: int) -> bytes:
    with pq.ParquetWriter(path, _SLICES_SCHEMA, compression="zstd") as writer:
        for group in _groups(slices.to_batches(max_chunksize=rows_per_batch)):
            writer.write_table(group)
    return path.read_bytes()


# DuckDB 2.0 returns batches of 122,880 rows when asked for 131,072.
@pytest.mark.parametrize("rows_per_batch", [122_880, 50_001, ROWS])
def test_batches_change_no_byte(tmp_path: Path, slices: pa.Table, rows_per_batch: int) -> None:
    path = tmp_path / "slices.parquet"
    expected = written(path, slices, rows_per_batch=_ROWS_PER_GROUP)
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [131_072, 131_072, 1_000]
    assert written(path, slices, rows_per_batch=rows_per_batch) == expected


def test_a_month_without_slices_has_no_group() -> None:
    assert not list(_groups([]))
