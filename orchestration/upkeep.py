"""Upkeep of the raw layer: few files, and none that nobody reads (docs/adr/0014). The data home must be locked.

Records and pinned versions stay the same, so no warehouse is built for it; the next look at one lets its views follow.
"""

from datetime import timedelta

from ingestion.compaction import Compacted, compact
from ingestion.settings import Settings
from ingestion.vacuum import Vacuumed, vacuum
from orchestration import progress
from orchestration.warehouse import files_in_views


def compact_raw(settings: Settings, *, is_dry_run: bool = False) -> tuple[Compacted, ...]:
    """Merge the small files of the raw tables, telling how far it is.

    Raises:
        CompactionError: see `ingestion.compaction.compact`.
    """
    tables: dict[str, progress.Bytes] = {}

    def tell(table: str, done: int, of: int) -> None:
        tables.setdefault(table, progress.Bytes("merging small files")).reach(f"raw/{table}", done, of)

    progress.tell("merging small files")
    return compact(settings, is_dry_run=is_dry_run, progress=tell)


def vacuum_raw(settings: Settings, *, is_dry_run: bool = False) -> tuple[Vacuumed, ...]:
    """Delete the files of the raw tables that neither readers of today nor the warehouse's views need."""

    def tell(table: str, done: int, of: int) -> None:
        progress.tell("deleting files that nobody reads", f"raw/{table}: {done:,} of {of:,}")

    progress.tell("looking for files that nobody reads")
    return vacuum(
        settings,
        grace=timedelta(hours=settings.raw_grace_hours),
        in_use=files_in_views(settings),
        is_dry_run=is_dry_run,
        progress=tell,
    )
