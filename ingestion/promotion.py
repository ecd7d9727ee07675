"""Promotes a staged batch: makes it visible to readers exactly once, even if the process is killed at any point.

A batch is staged in `raw/_staging/<batch_id>/`. Writing `promotion.json` there decides that it will be promoted. From
then on every step (renaming its files into the Delta tables, one commit per table, the pins) can be repeated, and
`finish_promotions` repeats them after a crash. A staging folder without that file was left by a load that made no
decision, and is removed.
"""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allive.ingestion.decisions import Decision, record_decision
from allive.ingestion.durable import read_json, sync_file, write_json
from allive.ingestion.home_format import raise_home_format
from allive.ingestion.pin_problems import RESTORE_RAW, PinProblem, PinsError, Trouble
from allive.ingestion.raw_tables import (
    REJECTS,
    DataFile,
    Pins,
    commit_batch,
    drop_half_written_commits,
    format_of_files,
    open_table,
    read_pins,
    table_path,
    write_pins,
)
from allive.ingestion.settings import Settings
from allive.ingestion.staged_files import StagedFile

_PLAN = "promotion.json"


@dataclass(frozen=True)
class Promotion:
    """A decided promotion, with everything needed to repeat it."""

    batch_id: str
    batch_number: int
    record_type: str
    files: tuple[StagedFile, ...]
    content_hashes: tuple[str, ...]
    """Content hashes of the landed files in the batch."""
    unreadable_hashes: tuple[str, ...]
    """Hashes of the raw bytes of the files that were set aside."""
    release: Decision | None = None
    """The decision, if this promotes held files."""

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored as JSON."""
        return asdict(self)

    def app_ids(self, table: str) -> tuple[str, ...]:
        """The app transactions that it commits to a table, in order; empty if it commits nothing.

        Every batch commits to the rejects table, even without rejects: that table is the register of all contents that
        were processed.
        """
        contents = tuple(_content_id(self.record_type, h) for h in self.content_hashes)
        if table == self.record_type:
            return contents
        unreadables = tuple(_unreadable_id(self.record_type, h) for h in self.unreadable_hashes)
        return (*contents, *unreadables) if table == REJECTS else ()

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Promotion":
        """Read back the output of `as_dict`."""
        files = tuple(StagedFile(file["source"], file["table"], DataFile(**file["data"])) for file in stored["files"])
        return cls(
            **{
                **stored,
                "files": files,
                "content_hashes": tuple(stored["content_hashes"]),
                "unreadable_hashes": tuple(stored["unreadable_hashes"]),
                "release": Decision.from_dict(stored["release"]) if stored["release"] else None,
            }
        )


def staging_folder(settings: Settings, batch_id: str) -> Path:
    """The folder where a batch is staged: next to the tables, so that a rename is enough to move its files."""
    return settings.raw_dir / "_staging" / batch_id


def _content_id(record_type: str, content_hash: str) -> str:
    return f"{record_type}/{content_hash}"


def _unreadable_id(record_type: str, bytes_hash: str) -> str:
    # Separate from the ids of contents: the same bytes can be readable under another name.
    return f"{record_type}/unreadable/{bytes_hash}"


class Promoted:
    """Content hashes of a record type that are already loaded. Opened once: opening slows down as it grows."""

    def __init__(self, settings: Settings, record_type: str) -> None:
        self._registry = open_table(settings, REJECTS)
        self._record_type = record_type

    def has_content(self, content_hash: str) -> bool:
        """True if the content was loaded."""
        return self._is_registered(_content_id(self._record_type, content_hash))

    def has_unreadable(self, bytes_hash: str) -> bool:
        """True if an unreadable file with these bytes was recorded."""
        return self._is_registered(_unreadable_id(self._record_type, bytes_hash))

    def _is_registered(self, app_id: str) -> bool:
        return self._registry is not None and self._registry.transaction_version(app_id) is not None


def promote(settings: Settings, promotion: Promotion) -> None:
    """Record the decision to promote a staged batch, and promote it.

    Its staged files must already be synced to the disk.
    """
    folder = staging_folder(settings, promotion.batch_id)
    raise_home_format(settings, format_of_files(file.data for file in promotion.files))
    write_json(folder / _PLAN, promotion.as_dict())
    _carry_out(settings, promotion, folder)


def decided_promotions(settings: Settings) -> dict[Path, Promotion | None]:
    """The staging folders that a crash left, each with its decided promotion, or None if none was decided.

    Raises:
        PinsError: a `promotion.json` cannot be read.
    """
    staging = settings.raw_dir / "_staging"
    if not staging.is_dir():
        return {}
    return {folder: _read_plan(settings, folder / _PLAN) for folder in sorted(staging.iterdir())}


def _read_plan(settings: Settings, path: Path) -> Promotion | None:
    try:
        plan = read_json(path)
        return None if plan is None else Promotion.from_dict(plan)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = PinProblem(
            Trouble.DAMAGED,
            where=path.relative_to(settings.home).as_posix(),
            found=f"a file that cannot be read ({type(error).__name__})",
            expected="the promotion that was decided: part of it might be committed",
            advice=RESTORE_RAW,
        )
        raise PinsError([problem]) from None


def finish_promotions(settings: Settings) -> None:
    """After a crash, complete the promotions that were decided, and remove the other staging folders."""
    for folder, promotion in decided_promotions(settings).items():
        if promotion is None:
            shutil.rmtree(folder)
        else:
            for table in (promotion.record_type, REJECTS):
                drop_half_written_commits(settings, table)
            _carry_out(settings, promotion, folder)


def _carry_out(settings: Settings, promotion: Promotion, folder: Path) -> None:
    _move_files(settings, promotion, folder)
    pins = read_pins(settings)
    versions, layouts = dict(pins.versions), dict(pins.layouts)
    for table in (promotion.record_type, REJECTS):
        if ids := promotion.app_ids(table):
            files = [file.data for file in promotion.files if file.table == table]
            versions[table] = layouts[table] = commit_batch(
                settings, table, files, ids, batch_number=promotion.batch_number
            )
    write_pins(settings, Pins(versions, promotion.batch_number, layouts))
    tidy_up(settings, promotion, folder)


def tidy_up(settings: Settings, promotion: Promotion, folder: Path) -> None:
    """The last steps of a promotion: record the decision, if any, and remove the staging folder.

    `allive.ingestion.batches` removes what is left of released files in `held/`: nothing reads it after the decision.
    """
    if promotion.release:
        record_decision(settings, promotion.release)
    shutil.rmtree(folder)


def _move_files(settings: Settings, promotion: Promotion, folder: Path) -> None:
    targets = set()
    for file in promotion.files:
        source = folder / file.source
        target = table_path(settings, file.table) / file.data.path
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        if source.exists():
            os.rename(source, target)  # noqa: PTH104 - Path.rename does the same, much more slowly
        targets.add(target.parent)
    for directory in targets | {target.parent for target in targets}:
        sync_file(directory)
