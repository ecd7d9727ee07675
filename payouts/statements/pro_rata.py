"""The counterfactual: each artist's earnings if all envelopes were one pot (RULES.md §5, §7).

Computed from a closed month's files alone, by code that shares nothing with the warehouse's SQL.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from allive.payouts.ledger import CONTROL_FILE, SLICES_FILE
from allive.payouts.user_centric import earned_cents, largest_remainder, pool_shares

_KNOWN: Final = "known"
_BATCH_ROWS: Final = 131_072


def read_pro_rata_cents(month_folder: Path) -> dict[str, int]:
    """Return each artist's earnings under pro-rata, in cents; an artist without an entry would earn nothing.

    Reads the slices once, with one batch in memory at a time.
    """
    control = json.loads((month_folder / CONTROL_FILE).read_text(encoding="utf-8"))
    envelope_nanos, weights = _weights(month_folder / SLICES_FILE)
    return pro_rata_cents(
        envelope_nanos, weights, pool_members=control["pool_members"], pool_rule=control["policy"]["pool_rule"]
    )


def pro_rata_cents(
    envelope_nanos: int, weights: Mapping[tuple[str, str], int], *, pool_members: list[str], pool_rule: str
) -> dict[str, int]:
    """Split one pot over (artist, category) by `weights`, and its pool over the members; return cents by artist.

    >>> pro_rata_cents(
    ...     3_000_000_000, {("a", "emerging"): 2, ("k", "known"): 1}, pool_members=["a", "b"], pool_rule="equal"
    ... )
    {'a': 250, 'b': 50}
    """
    earned: Counter[str] = Counter()
    for (artist_id, category), nanos in largest_remainder(envelope_nanos, weights).items():
        if category != _KNOWN:
            earned[artist_id] += nanos
    pool_nanos = envelope_nanos - earned.total()
    earned.update(pool_shares(pool_nanos, pool_members, earned, rule=pool_rule))
    return earned_cents(earned)


def _weights(path: Path) -> tuple[int, Counter[tuple[str, str]]]:
    envelope_nanos = 0
    weights: Counter[tuple[str, str]] = Counter()
    columns = ["artist_id", "category", "weight", "amount_nanos"]
    with pq.ParquetFile(path) as slices:
        for batch in slices.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False):
            sums = (
                pa.Table.from_batches([batch])
                .group_by(["artist_id", "category"], use_threads=False)
                .aggregate([("weight", "sum"), ("amount_nanos", "sum")])
            )
            for row in sums.to_pylist():
                envelope_nanos += int(row["amount_nanos_sum"])
                if row["artist_id"] is not None:
                    weights[row["artist_id"], row["category"]] += int(row["weight_sum"])
    return envelope_nanos, weights
