"""The oracle reproduces the golden season and the real player events exactly, without the product's code."""

import csv
import doctest
import importlib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.import_graph import names_in
from tests.oracle import History, Snapshot, read_landing

TESTS = Path(__file__).parent.parent
GOLDEN = TESTS / "golden"
SNOWPLOW = TESTS / "real" / "snowplow"
PRODUCT = {"ingestion", "payouts", "orchestration", "dashboards"}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def golden() -> Snapshot:
    return read_landing(GOLDEN / "landing")


def test_golden_daily_watch_is_met_to_the_millisecond(golden: Snapshot) -> None:
    expected = {
        (row["subscriber_id"], row["live_id"], date.fromisoformat(row["day"])): int(row["watch_ms"])
        for row in read_csv(GOLDEN / "expected_daily_watch.csv")
    }
    assert {cell: ms for cell, (ms, _) in golden.watch.by_day().items()} == expected


def test_golden_rejects_have_their_reasons(golden: Snapshot) -> None:
    expected = {row["reason"]: int(row["lines"]) for row in read_csv(GOLDEN / "expected_rejects.csv")}
    assert Counter(reject.reason for reject in golden.rejects) == expected
    assert not golden.unreadable


def test_golden_control_totals_and_pool_members_are_met(golden: Snapshot) -> None:
    for row in read_csv(GOLDEN / "expected_control.csv"):
        settled = History().settle_open_month(row["settlement_month"], golden)
        assert not settled.blockers
        assert len(settled.periods) == int(row["periods"])
        assert settled.envelope_nanos == int(row["envelope_nanos"])
        assert settled.pool_total_nanos == int(row["pool_nanos"])
        assert " ".join(settled.members) == row["pool_members"]


def test_golden_earnings_are_met_to_the_nano(golden: Snapshot) -> None:
    expected = read_csv(GOLDEN / "expected_earnings.csv")
    found = []
    for month in sorted({row["settlement_month"] for row in expected}):
        settled = History().settle_open_month(month, golden)
        found += [
            {
                "settlement_month": month,
                "artist_id": artist_id,
                "direct_nanos": str(settled.direct_nanos.get(artist_id, 0)),
                "pool_nanos": str(settled.pool_nanos.get(artist_id, 0)),
                "earned_nanos": str(nanos),
                "earned_cents": str(settled.earned_cents[artist_id]),
            }
            for artist_id, nanos in sorted(settled.earned_nanos.items())
        ]
    assert found == expected


def test_real_player_events_agree_with_the_tracker(tmp_path: Path) -> None:
    (tmp_path / "heartbeats").mkdir()
    (tmp_path / "heartbeats" / "real.ndjson").write_bytes((SNOWPLOW / "heartbeats.ndjson").read_bytes())
    found = {key.playback_id: ms for key, ms in read_landing(tmp_path).watch.by_playback().items()}
    counted = {
        row["playback_id"]: round(float(row["play_time_secs"]) * 1000)
        for row in read_csv(SNOWPLOW / "expected_play_time.csv")
    }
    assert found.keys() == counted.keys()
    errors_ms = [abs(found[playback_id] - ms) for playback_id, ms in counted.items()]
    assert sum(error <= 500 for error in errors_ms) >= 15
    assert max(errors_ms) <= 20_000


@pytest.mark.parametrize("package", ["oracle", "worlds"])
def test_oracle_and_worlds_share_no_code_with_the_product(package: str) -> None:
    for module in (TESTS / package).glob("*.py"):
        imported = {name.split(".")[0] for name in names_in(module.read_text(encoding="utf-8"))}
        assert not imported & (PRODUCT | {"duckdb"}), f"{module.name}: {imported}"


@pytest.mark.parametrize("module", ["history", "settlement", "watch_time"])
def test_examples_in_the_oracle_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"tests.oracle.{module}"))
    assert result.attempted
    assert not result.failed
