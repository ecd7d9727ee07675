"""Staged Parquet files: what a staging folder holds of a batch until it is promoted."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from allive.ingestion.durable import sync_file
from allive.ingestion.raw_tables import DataFile


@dataclass(frozen=True)
class StagedFile:
    """A staged Parquet file, and its future entry in its table."""

    source: str
    """Path inside the staging folder."""
    table: str
    data: DataFile


def sync_files(folder: Path, files: Iterable[StagedFile]) -> None:
    """Force staged files to the disk, so that a promotion can rely on them."""
    for file in files:
        sync_file(folder / file.source)
