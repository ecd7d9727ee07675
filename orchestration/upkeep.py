"""Maintenance of the raw layer: merges small files, deletes unused ones (docs/adr/0014). The data home must be locked.

Records and pinned versions stay the same, so the warehouse is not rebuilt. The next run updates its views.
"""

from datetime import timedelta

from allive.ingestion.compaction import Compacted, compact
from allive.ingestion.settings import Settings
from allive.ingestion.vacuum import Vacuumed, vacuum
from allive.orchestration import progress
from allive.orchestration.warehouse import files_in_views


def compact_raw(settings: Settings, *, is_dry_run: bool = False) -> tuple[Compacted, ...]:
    """Merge the small files of the raw tables, reporting progress.

    Raises:
        CompactionError: see `allive.ingestion.compaction.compact`.
    """
    tables: dict[str, progress.Bytes] = {}

    def tell(table: str, done: int, of: int) -> None:
        tables.setdefault(table, progress.Bytes("merging small files")).reach(f"raw/{table}", done, of)

    progress.tell("merging small files")
    return compact(settings, is_dry_run=is_dry_run, progress=tell)


def vacuum_raw(settings: Settings, *, is_dry_run: bool = False) -> tuple[Vacuumed, ...]:
    """Delete files of the raw tables that neither current readers nor the warehouse's views need."""

    def tell(table: str, done: int, of: int) -> None:
        progress.tell("deleting unused files", f"raw/{table}: {done:,} of {of:,}")

    progress.tell("looking for unused files")
    return vacuum(
        settings,
        grace=timedelta(hours=settings.raw_grace_hours),
        in_use=files_in_views(settings),
        is_dry_run=is_dry_run,
        progress=tell,
    )
