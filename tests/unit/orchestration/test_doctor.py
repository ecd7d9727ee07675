"""`allive doctor` on intact and damaged data homes: its messages, exit code, width and repairs."""

import json
import shutil
from datetime import timedelta

import duckdb
import pytest
from typer.testing import CliRunner

import allive.ingestion.compaction
import allive.ingestion.load
from allive.ingestion.compaction import compact
from allive.ingestion.load import load_new_files
from allive.ingestion.lock import data_home_lock
from allive.ingestion.pin_problems import PinsError
from allive.ingestion.raw_tables import pins_path, read_pins, table_path
from allive.ingestion.settings import Settings
from allive.ingestion.vacuum import vacuum
from allive.orchestration import cli
from allive.orchestration.checkup import examine
from allive.orchestration.sound_pins import UnsoundPinsError, require_sound_pins
from tests.terminal_tables import tables

pytestmark = pytest.mark.slow

WIDTH = 80


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A loaded data home; nothing is built or closed."""
    monkeypatch.setattr(allive.ingestion.load, "validate", lambda *_: ())
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path / "home"))
    settings = Settings()
    for number in range(3):
        land(settings, number)
    return settings


def land(settings, number):
    path = settings.landing_dir / f"artists/{number}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"artist_id": f"a-{number}", "name": "Été"}) + "\n", encoding="utf-8")
    return load_new_files(settings, "artists")


def close_by_hand(settings, **versions):
    """Write the minimum that a reader of `payouts/` needs: a closed month that read these versions."""
    folder = settings.payouts_dir / "2021-01"
    folder.mkdir(parents=True)
    policy = {"look_back_months": 3}
    control = {"raw_versions": versions, "adjustments": {}, "policy": policy, "amendments": [], "balance_entries": []}
    (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")
    manifest = {"settlement_month": "2021-01", "run_hash": "a" * 64, "previous_run_hash": "0" * 64, "files": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "artist_payouts.csv").write_text("artist_id,carried_forward_cents\n", encoding="utf-8")


def run(*arguments):
    result = CliRunner().invoke(cli.app, [*arguments])
    return result.exit_code, result.output


def states(settings):
    return {finding.part: finding.state for finding in examine(settings)}


def test_a_whole_home_is_sound_and_fits_80_columns(settings):
    close_by_hand(settings, artists=2)
    code, said = run("doctor")
    assert code == 0, said
    assert "up to batch 3" in said
    assert "The data home is sound." in said
    (printed,) = tables(said)
    assert len(printed.rows) >= 7
    assert max(map(len, said.partition("\n\n")[0].splitlines())) <= WIDTH
    assert states(settings)["pins"] == "ok"


def test_an_empty_home_is_sound(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path / "home"))
    assert run("doctor")[0] == 0


def test_lost_pins_are_named_and_repaired(settings):
    pins = read_pins(settings)
    pins_path(settings).unlink()
    code, said = run("doctor")
    assert code == 1
    assert "allive doctor --repair" in said
    code, said = run("doctor", "--repair")
    assert code == 0, said
    assert "have been rebuilt from the logs of 2 raw tables, up to batch 3" in " ".join(said.split())
    assert read_pins(settings) == pins
    code, said = run("doctor", "--repair")
    assert code == 0
    assert "nothing to repair" in said


def test_stale_pins_are_repaired_by_the_command_and_not_by_themselves(settings):
    old = pins_path(settings).read_bytes()
    land(settings, 9)
    pins = read_pins(settings)
    pins_path(settings).write_bytes(old)
    with pytest.raises(UnsoundPinsError, match="older than the tables"):
        require_sound_pins(settings)
    assert run("doctor", "--repair")[0] == 0
    assert read_pins(settings) == pins
    assert require_sound_pins(settings) is None


def test_lost_pins_are_rebuilt_by_themselves_and_that_is_said(settings):
    pins = read_pins(settings)
    pins_path(settings).unlink()
    assert "have been rebuilt" in require_sound_pins(settings)
    assert read_pins(settings) == pins


def test_lost_pins_are_not_rebuilt_by_themselves_where_a_month_read_later_versions(settings):
    close_by_hand(settings, artists=7)
    pins_path(settings).unlink()
    with pytest.raises(UnsoundPinsError, match="version 7, which a closed month read"):
        require_sound_pins(settings)
    code, said = run("doctor", "--repair")
    assert code == 1
    assert "nothing was changed" in said
    assert not pins_path(settings).exists()


def test_pins_older_than_a_closed_month_are_refused(settings):
    close_by_hand(settings, artists=7)
    with pytest.raises(UnsoundPinsError, match="expected version 7, with which 2021-01 closed"):
        require_sound_pins(settings)
    assert states(settings)["months' raw versions"] == "FAILED"


def test_a_home_whose_raw_tables_are_all_gone_after_a_close_is_refused(settings):
    close_by_hand(settings, artists=2)
    shutil.rmtree(settings.raw_dir)
    with pytest.raises(UnsoundPinsError, match="raw/: found nothing"):
        require_sound_pins(settings)


def test_a_damaged_table_cannot_be_repaired_and_that_is_said(settings):
    next(table_path(settings, "artists").glob("*.parquet")).unlink()
    assert states(settings)["raw tables"] == "FAILED"
    code, said = run("doctor", "--repair")
    assert code == 1
    assert "Restore the file from a backup of raw/" in " ".join(said.split())


def test_every_other_part_is_looked_at_though_one_breaks(settings):
    close_by_hand(settings, artists=2)
    (settings.payouts_dir / "2021-01" / "control.json").write_bytes(b"{")
    settings.warehouse_path.parent.mkdir(exist_ok=True)
    settings.warehouse_path.write_bytes(b"no database" * 1000)
    settings.serving_dir.mkdir()
    (settings.serving_dir / "current.duckdb").symlink_to("allive-000001-gone.duckdb")
    found = states(settings)
    assert found["closed months"] == found["warehouse"] == found["serving copy"] == "FAILED"
    assert found["pins"] == found["raw tables"] == "ok"
    assert found["months' raw versions"] == "FAILED"
    for arguments in (("doctor",), ("doctor", "--repair")):
        code, said = run(*arguments)
        assert code == 1
        assert "payouts/2021-01/control.json" in said
        assert "bug" not in said
    with pytest.raises(UnsoundPinsError, match=r"payouts/2021-01/control\.json"):
        require_sound_pins(settings)


def test_a_warehouse_that_is_only_not_finished_is_no_failure(settings):
    settings.warehouse_path.parent.mkdir(exist_ok=True)
    duckdb.connect(settings.warehouse_path).close()
    assert states(settings)["warehouse"] == "note"


def test_who_holds_the_home_is_named_and_the_lock_is_not_touched(settings):
    with data_home_lock(settings, command="allive run"):
        (home, *_) = examine(settings)
        assert "`allive run`" in home.found
    assert "not in use" in examine(settings)[0].found


def test_a_load_on_lost_pins_is_a_refusal_and_no_defect(settings, capsys):
    pins_path(settings).unlink()
    with pytest.raises(PinsError) as refused:
        compact(settings)
    assert cli._report(refused.value) == 1
    said = capsys.readouterr().err
    assert "this is a bug" not in said
    assert "allive doctor --repair" in said


def test_a_repair_after_upkeep_is_to_the_number(settings, monkeypatch):
    monkeypatch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)
    compact(settings)
    vacuum(settings, grace=timedelta())
    pins = read_pins(settings)
    pins_path(settings).write_bytes(b"")
    assert run("doctor", "--repair")[0] == 0
    assert read_pins(settings) == pins


@pytest.mark.parametrize("code", ["", "4f0c2a9be17", "4F0C2A9BE171", "4f0c2a9be1711"])
def test_a_code_that_no_refusal_named_is_wrong_usage(settings, code):
    assert run("publish", code, "--why", "tests")[0] == 2
