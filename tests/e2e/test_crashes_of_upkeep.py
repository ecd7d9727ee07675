"""Upkeep of raw tables, killed at random moments: readers see the same records, and the next upkeep finishes it."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import allive.ingestion.compaction
from allive.ingestion.compaction import compact
from allive.ingestion.pins_check import check_pins
from allive.ingestion.pins_repair import repair_pins
from allive.ingestion.raw_tables import TABLES, pins_path, read_pins, stored_files
from allive.ingestion.settings import Settings
from allive.ingestion.vacuum import vacuum
from tests.e2e import raw_layer
from tests.e2e.killing import Campaign

SHARE_OF_KILLS = 0.15
"""Share of all crash-test kills."""


@dataclass(frozen=True)
class Scattered:
    """A data home with many small files, the rows that readers see, and the number of files after upkeep."""

    before: Settings
    visible: raw_layer.Rows
    files: dict[str, int]


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Scattered:
    folder = tmp_path_factory.mktemp("upkeep")
    before = raw_layer.settings_of(folder / "before")
    raw_layer.deliver_first(before.landing_dir)
    raw_layer.load_everything(before.home)
    raw_layer.deliver_second(before.landing_dir)
    raw_layer.load_everything(before.home)
    undisturbed = raw_layer.settings_of(shutil.copytree(before.home, folder / "undisturbed"))
    keep_up(undisturbed.home)
    return Scattered(before, raw_layer.visible(before), files_of(undisturbed))


def keep_up(home: Path) -> None:
    """Merge wherever there are two files or more, and immediately delete files that are no longer needed."""
    settings = raw_layer.settings_of(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)
        compact(settings)
        vacuum(settings, grace=timedelta())


def files_of(settings: Settings) -> dict[str, int]:
    layouts = read_pins(settings).layouts
    return {table: len(stored_files(settings, table, layouts[table])) for table in TABLES}


def state_of(settings: Settings, scattered: Scattered) -> str:
    """How far the upkeep got before the process died."""
    pinned, newest = read_pins(settings).layouts, raw_layer.newest_versions(settings)
    if any(newest[table] != pinned[table] for table in TABLES):
        return "committed, not pinned"
    if files_of(settings) == scattered.files:
        return "all merged"
    if pinned != read_pins(scattered.before).layouts:
        return "between tables"
    if any((settings.raw_dir / "_compacting").rglob("*.parquet")):
        return "written aside"
    return "before the first merge" if not raw_layer.unlisted_files(settings) else "renamed, not committed"


def test_killed_upkeep_changes_nothing_that_readers_see(scattered: Scattered, kills: int, tmp_path: Path) -> None:
    heartbeats = read_pins(scattered.before).layouts["heartbeats"]
    campaign = Campaign(
        name="upkeep",
        work=keep_up,
        new_home=lambda: raw_layer.settings_of(shutil.copytree(scattered.before.home, tmp_path / "home")),
        state_of=lambda settings: state_of(settings, scattered),
        events={
            "a file was written aside": lambda s: any((s.raw_dir / "_compacting").rglob("*.parquet")),
            "merged heartbeats were committed": lambda s: raw_layer.logged(s, "heartbeats", beyond=heartbeats or 0),
            "a layout was pinned": lambda s: read_pins(s).layouts != read_pins(scattered.before).layouts,
            "a register was begun": lambda s: any(s.raw_dir.glob(".versions.sqlite*")),
            "the log was trimmed": lambda s: (s.raw_dir / "versions.sqlite").exists(),
        },
        to_meet=frozenset({"written aside", "committed, not pinned", "between tables", "all merged"}),
    )
    for number, settings in enumerate(campaign.kills(round(kills * SHARE_OF_KILLS))):
        assert raw_layer.visible(settings) == scattered.visible
        assert check_pins(settings) == ()
        if number % 3 == 1:
            pins_path(settings).unlink()
            repair_pins(settings, operator="tests", at_least={})
            assert raw_layer.visible(settings) == scattered.visible
        if number % 2:
            # A delivery comes before the next upkeep.
            loaded_before = read_pins(settings).batch_number
            late = settings.landing_dir / "artists/late.csv"
            late.write_text("artist_id,name\na-9,Soir\n", encoding="utf-8")
            raw_layer.load_everything(settings.home)
            assert read_pins(settings).batch_number == loaded_before + 1
            late.unlink()
        keep_up(settings.home)
        found = raw_layer.visible(settings)
        found.pop("artists/late.csv", None)
        assert found == scattered.visible
        assert raw_layer.unlisted_files(settings) == []
        assert not (settings.raw_dir / "_compacting").exists()
        assert files_of(settings) == scattered.files
        layouts = read_pins(settings).layouts
        keep_up(settings.home)
        assert read_pins(settings).layouts == layouts
