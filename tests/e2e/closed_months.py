"""Work for the crash tests of closings, and functions that inspect the result."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from allive.ingestion.lock import data_home_lock
from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger
from allive.payouts.interrupted_closings import finish_interrupted_closings
from tests.pipeline import Pipeline

KEY_FILE = ".pseudonym.key"
_LOCK_FILES = {".closing.lock", ".audit.lock"}
_OF_AN_ATTEMPT = {"at", "order", "previous", "sha256"}


def settings_of(home: Path) -> Settings:
    """The settings of a crash test's data home; the key for pseudonyms is the one in the data home."""
    return Settings(home=home, memory_limit="512MB", threads=2)


def copy_home(source: Settings, home: Path) -> Settings:
    """Copy the files that closing a month needs; files that it only reads are hard links."""
    settings = settings_of(home)
    settings.warehouse_path.parent.mkdir(parents=True)
    for file in source.warehouse_path.parent.glob(f"{source.warehouse_path.stem}.*"):
        os.link(file, settings.warehouse_path.parent / file.name)
    shutil.copytree(source.raw_dir, settings.raw_dir, copy_function=os.link)
    if source.payouts_dir.exists():
        shutil.copytree(source.payouts_dir, settings.payouts_dir)
    return settings


def close(home: Path, *, month: str) -> None:
    """Close a month, as the command does."""
    settings = settings_of(home)
    with data_home_lock(settings, command=f"allive payout {month}"):
        finish_interrupted_closings(settings)
        Pipeline(settings).close_as_built(month)


def close_unlocked(home: Path, *, month: str) -> None:
    """Close a month without the commands' lock on the data home, so that only the closing's own lock protects it."""
    Pipeline(settings_of(home)).close_as_built(month)


def month_files(settings: Settings, month: str) -> dict[str, bytes] | None:
    """The bytes of every file of a closed month; None if there is no such month."""
    folder = ledger.month_dir(settings, month)
    if not folder.exists():
        return None
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(settings: Settings) -> set[str]:
    """The names in `payouts/`, hidden ones included, without the lock files."""
    return {path.name for path in settings.payouts_dir.iterdir()} - _LOCK_FILES


def recorded_closings(settings: Settings, month: str) -> list[dict[str, str]]:
    """The audit log's lines on closing a month, without the fields that differ per attempt; checks the log's chain."""
    previous = b""
    closings = []
    log = audit.log_path(settings)
    for line in log.read_bytes().splitlines() if log.exists() else []:
        entry = json.loads(line)
        assert entry["previous"] == hashlib.sha256(previous).hexdigest()
        previous = line
        if (entry["action"], entry.get("settlement_month")) == ("close", month):
            closings.append({name: value for name, value in entry.items() if name not in _OF_AN_ATTEMPT})
    return closings


def state_of(settings: Settings, month: str) -> str:
    """How far the closing got before the process died."""
    is_announced = f".closing-{month}.json" in names(settings) if settings.payouts_dir.exists() else False
    if month in ledger.closed_months(settings):
        if not recorded_closings(settings, month):
            return "closed, not recorded"
        return "recorded, not tidied" if is_announced else "closed"
    if is_announced:
        return "announced, not closed"
    if (settings.payouts_dir / f".closing-{month}").exists():
        return "written aside" if _is_written(settings, month) else "half written"
    return "before writing"


def _is_written(settings: Settings, month: str) -> bool:
    return has_aside(settings, month, ledger.MANIFEST_FILE)


def has_aside(settings: Settings, month: str, name: str = "") -> bool:
    """Whether the folder in which a month is written has this file: an event to kill after."""
    return (settings.payouts_dir / f".closing-{month}" / month / name).exists()


def is_announced(settings: Settings, month: str) -> bool:
    """Whether the intent to close is recorded: an event to kill after."""
    return (settings.payouts_dir / f".closing-{month}.json").exists()
