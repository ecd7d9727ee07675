"""Random worlds, really landed and loaded, and closed by the oracle: verification starts from their heartbeats."""

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import allive.ingestion.compaction
import allive.ingestion.load
from allive.ingestion.compaction import compact
from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import load_new_files
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.raw_versions import records_of
from allive.ingestion.settings import Settings
from allive.ingestion.vacuum import vacuum
from allive.payouts.verification import Check, Verification, verify
from allive.payouts.verification.pseudonym_key import NO_KEY
from tests import closed_chain
from tests.closed_chain import Chain
from tests.oracle import History, Policy, read_landing
from tests.oracle.pseudonyms import KEY, pseudonym
from tests.oracle.settlement import month_of, months_later
from tests.worlds import World

pytestmark = pytest.mark.slow

SEEDS = range(3)
"""One per season: changing clocks, a December, a leap day."""
SPOILED = 1
BLOCKED = "2020-12"
"""A month of the spoiled season."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Settings, Chain]]:
    """Data homes by seed, each with four closed months."""
    known: dict[int, tuple[Settings, Chain]] = {}

    def world(seed: int) -> tuple[Settings, Chain]:
        if seed not in known:
            known[seed] = close_world(seed, tmp_path_factory.mktemp(f"world-{seed}"))
        return known[seed]

    return world


def close_world(seed: int, home: Path, *, policy: Policy | None = None) -> tuple[Settings, Chain]:
    """Deliver a world month by month, much of it late, and close each month on the data loaded by then."""
    settings = Settings(home=home, pseudonym_key=KEY, memory_limit="512MB", threads=1)
    chain = Chain(settings.payouts_dir, History(policy or Policy()))
    world = World.random(seed)
    for month in world.deliver_by_month(settings.landing_dir, late=0.4):
        load(settings)
        chain.raw_versions = dict(read_pins(settings).versions)
        chain.close(month, read_landing(settings.landing_dir))
        if month == world.months[1]:
            chain.amend(world.months[0])
    chain.close(months_later(world.months[-1], 1), read_landing(settings.landing_dir))
    return settings, chain


def load(settings: Settings) -> None:
    # The expectation suites are not tested here, and importing Great Expectations takes longer than all the rest.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allive.ingestion.load, "validate", lambda *_: ())
        for record_type in RECORD_TYPES:
            load_new_files(settings, record_type)


def compared(verification: Verification, check: Check) -> int:
    (count,) = (one.compared for one in verification.counts if one.check is check)
    return count


@pytest.mark.parametrize("seed", SEEDS)
def test_an_untouched_world_is_proven_from_its_heartbeats_on(
    worlds: Callable[[int], tuple[Settings, Chain]], seed: int
) -> None:
    settings, chain = worlds(seed)
    verification = verify(settings)
    assert not verification.findings, "\n".join(map(str, verification.findings))
    assert not verification.unchecked
    assert verification.months == tuple(chain.months)
    periods = sum(len(run.settlement.periods) for run in chain.history.runs.values())
    assert compared(verification, Check.WATCHING) > 3 * periods
    assert any(run.adjustments for run in chain.history.runs.values())


def test_a_world_is_proven_under_another_policy(tmp_path: Path) -> None:
    """With a look-back of one month, unbooked periods of final months are settled in a later one by their own days."""
    policy = Policy(
        look_back_months=1, pool_rule="direct", envelope_cents=60, minimum_live_s=2_400, minimum_pool_share_bp=3_000
    )
    settings, chain = close_world(7, tmp_path, policy=policy)
    verification = verify(settings)
    assert not [str(finding) for finding in verification.findings if finding.check is Check.WATCHING]
    assert not verification.unchecked
    periods = read_landing(settings.landing_dir).periods
    moved = [one for one, month in chain.history.booked_periods.items() if month != month_of(periods[one].last_day)]
    weighed = {one.period_id for run in chain.history.runs.values() for one in run.settlement.slices if one.artist_id}
    assert {one for one in moved if chain.history.booked_periods[one] != chain.months[0]} & weighed


def test_a_world_is_proven_alike_after_its_files_were_rewritten(
    copied: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of the versions that months pinned are all gone; their records are in the merged files."""
    before = verify(copied)
    monkeypatch.setattr(allive.ingestion.compaction, "FEWEST_FILES", 2)
    assert sum(one.merged for one in compact(copied)) > 0
    assert sum(one.files for one in vacuum(copied, grace=timedelta())) > 0
    versions = [
        json.loads(control.read_bytes())["raw_versions"] for control in copied.payouts_dir.glob("*/control.json")
    ]
    pinned = [records_of(copied, table, version) for of in versions for table, version in of.items()]
    assert any(records.up_to is not None for records in pinned)
    after = verify(copied)
    assert not after.findings, "\n".join(map(str, after.findings))
    assert not after.unchecked
    assert after.counts == before.counts


@pytest.fixture
def copied(worlds: Callable[[int], tuple[Settings, Chain]], tmp_path: Path) -> Settings:
    """A copy of a world, for tests to spoil."""
    settings, _ = worlds(SPOILED)
    shutil.copytree(settings.home, tmp_path / "home")
    return Settings(home=tmp_path / "home", pseudonym_key=KEY)


def findings(settings: Settings) -> list[tuple[Check, str, str]]:
    return [(finding.check, finding.file, finding.what) for finding in verify(settings).findings]


def change_slices(path: Path, change: Callable[[list[list[Any]]], None]) -> None:
    rows = [list(row.values()) for row in pq.read_table(path).to_pylist()]
    change(rows)
    closed_chain.write_slice_rows(path, [(*row[:4], int(row[4]), int(row[5]), row[6]) for row in rows])


def test_a_weight_that_the_heartbeats_do_not_give_is_found(copied: Settings) -> None:
    def weigh_more(rows: list[list[Any]]) -> None:
        (watched, *_) = (row for row in rows if row[2])
        watched[4] += 1
        changed.append(watched[0])

    changed: list[str] = []
    month = sorted(path.parent.name for path in copied.payouts_dir.glob("*/slices.parquet"))[2]
    change_slices(copied.payouts_dir / month / "slices.parquet", weigh_more)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    assert (Check.WATCHING, f"{month}/slices.parquet", f"period {changed[0]!r}, weights") in findings(copied)


def test_amounts_that_do_not_follow_from_the_heartbeats_are_found(copied: Settings) -> None:
    def move_a_nano(rows: list[list[Any]]) -> None:
        one, other = next(
            (one, other) for one, other in pairwise(rows) if one[0] == other[0] and one[6] == other[6] == "direct"
        )
        one[5], other[5] = int(one[5]) + 1, int(other[5]) - 1
        changed.append(one[0])

    changed: list[str] = []
    month = "2020-12"
    change_slices(copied.payouts_dir / month / "slices.parquet", move_a_nano)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    assert (Check.WATCHING, f"{month}/slices.parquet", f"period {changed[0]!r}, amounts") in findings(copied)


def test_a_period_that_is_missing_and_one_too_many_are_found(copied: Settings) -> None:
    def exchange(rows: list[list[Any]]) -> None:
        gone = rows[0][0]
        for row in rows:
            row[0] = f"{gone[:-1]}x" if row[0] == gone else row[0]
        changed.append(gone)

    changed: list[str] = []
    month = "2020-12"
    change_slices(copied.payouts_dir / month / "slices.parquet", exchange)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    of_month = {
        (one.what, one.found)
        for one in verify(copied, month).findings
        if one.check is Check.WATCHING and one.file == f"{month}/slices.parquet"
    }
    assert of_month == {(f"period {changed[0]!r}", "nothing"), (f"period '{changed[0][:-1]}x'", "slices")}


def test_totals_of_a_month_that_gives_what_it_gave_are_checked(copied: Settings) -> None:
    """Its slices were not written again, so the run's files alone cannot prove its totals."""
    control, again = next(
        (path, again)
        for path in sorted(copied.payouts_dir.glob("*/control.json"))
        for again in closed_chain.read_json(path)["adjustments"]
        if not (path.parent / "resettled" / f"{again}.parquet").exists()
    )
    content = closed_chain.read_json(control)
    content["adjustments"][again]["idle_periods"] += 1
    closed_chain.write_json(control, content)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    file = f"{control.parent.name}/control.json"
    assert (Check.WATCHING, file, f"adjustments of {again}, idle_periods") in findings(copied)


@pytest.mark.parametrize("name", ["open_periods", "open_envelope_nanos", "open_envelope_cents"])
def test_envelopes_that_are_open_at_the_months_end_are_checked(copied: Settings, name: str) -> None:
    month = "2020-11"
    control = copied.payouts_dir / month / "control.json"
    content = closed_chain.read_json(control)
    content[name] = 0
    closed_chain.write_json(control, content)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    found = [(one.check, one.what) for one in verify(copied, month).findings]
    assert (Check.AMOUNTS, name) in found


def close_on_more(settings: Settings, **landed: Iterable[str]) -> set[tuple[str, str]]:
    """Add records to the pinned input of a closed month that must block its close, and return the findings."""
    for record_type, lines in landed.items():
        (settings.landing_dir / record_type / "more.csv").write_text("\n".join(lines), encoding="utf-8")
    load(settings)
    control = settings.payouts_dir / BLOCKED / "control.json"
    content = closed_chain.read_json(control)
    content["raw_versions"] |= {record_type: read_pins(settings).versions[record_type] for record_type in landed}
    closed_chain.write_json(control, content)
    closed_chain.reseal(settings.payouts_dir, documents=False)
    verification = verify(settings, BLOCKED)
    return {(one.what, one.found) for one in verification.findings if one.check is Check.WATCHING}


def watched_live(settings: Settings) -> tuple[str, str]:
    """An artist and a live with weight in the month."""
    rows = closed_chain.read_rows(settings.payouts_dir / BLOCKED / "artist_lives.csv")
    row = next(row for row in rows if int(row["watch_ms"]))
    return row["artist_id"], row["live_id"]


def test_weight_on_a_live_whose_shares_do_not_sum_to_10000_is_found(copied: Settings) -> None:
    artist_id, live_id = watched_live(copied)
    shares = ["live_id,artist_id,share_bp,updated_at", f"{live_id},{artist_id},9999,2026-01-01T00:00:00Z"]
    found = close_on_more(copied, live_credits=shares)
    assert (f"lives without credits of 10,000 bp in {BLOCKED}, with weight", f"[{live_id!r}]") in found


def test_weight_on_an_artist_without_a_category_is_found(copied: Settings) -> None:
    artist_id, _ = watched_live(copied)
    changes = read_landing(copied.landing_dir).catalogue.categories
    deleted = [
        f"{artist_id},{change.category},{change.valid_from},true,2026-01-01T00:00:00Z"
        for change in changes
        if change.artist_id == artist_id
    ]
    header = "artist_id,category,valid_from,is_deleted,updated_at"
    found = close_on_more(copied, artist_categories=[header, *deleted])
    assert (f"artists without a category on the day in {BLOCKED}, with weight", f"[{artist_id!r}]") in found


def test_weight_on_an_artist_whom_nobody_knows_is_found(copied: Settings) -> None:
    _, live_id = watched_live(copied)
    found = close_on_more(
        copied,
        live_credits=["live_id,artist_id,share_bp,updated_at", f"{live_id},art-nobody,10000,2026-01-01T00:00:00Z"],
        artist_categories=["artist_id,category,valid_from", "art-nobody,emerging,2019-01-01"],
    )
    assert (f"artists without a record in {BLOCKED}, with weight", "['art-nobody']") in found


def test_a_pool_without_members_is_found(copied: Settings) -> None:
    known = [
        f"{change.artist_id},known,{change.valid_from},2026-01-01T00:00:00Z"
        for change in read_landing(copied.landing_dir).catalogue.categories
    ]
    found = close_on_more(copied, artist_categories=["artist_id,category,valid_from,updated_at", *known])
    assert (f"pool_members of {BLOCKED}", "()") in found


def test_another_subscribers_pseudonym_is_found(copied: Settings) -> None:
    def rename(rows: list[list[Any]]) -> None:
        for row in rows:
            if row[0] == rows[0][0]:
                row[1] = pseudonym("another subscriber")
        changed.append(rows[0][0])

    changed: list[str] = []
    month = sorted(path.parent.name for path in copied.payouts_dir.glob("*/slices.parquet"))[1]
    change_slices(copied.payouts_dir / month / "slices.parquet", rename)
    closed_chain.reseal(copied.payouts_dir, documents=False)
    assert (
        Check.WATCHING,
        f"{month}/slices.parquet",
        f"period {changed[0]!r}, subscriber_pseudonym",
    ) in findings(copied)


def test_a_transfer_to_another_account_is_found(copied: Settings) -> None:
    """The month asks for the right amounts, to an IBAN that the artist never gave."""
    path = next(one for one in sorted(copied.payouts_dir.glob("*/transfers.csv")) if closed_chain.read_rows(one))
    iban = closed_chain.read_rows(path)[0]["iban"]
    path.write_text(path.read_text(encoding="utf-8").replace(iban, closed_chain.IBANS[0]), encoding="utf-8")
    closed_chain.reseal(copied.payouts_dir, documents=False)
    findings = verify(copied).findings
    found = [finding for finding in findings if finding.check is Check.WATCHING]
    assert {(finding.found, finding.expected) for finding in found} == {(closed_chain.IBANS[0], iban)}
    assert "payments.ndjson" in {finding.file for finding in findings}, "the order went to another account"


def test_an_adjustment_that_was_left_out_is_found(copied: Settings) -> None:
    """The files are consistent as if no data were late; the run's pinned heartbeats and periods show otherwise."""
    months = sorted(path.parent.name for path in copied.payouts_dir.glob("*/slices.parquet"))
    month = next(month for month in months if (copied.payouts_dir / month / "resettled").exists())
    shutil.rmtree(copied.payouts_dir / month / "resettled")
    closed_chain.reseal(copied.payouts_dir, documents=False)
    assert any(
        check is Check.WATCHING and file == f"{month}/control.json" and "settled again" in what
        for check, file, what in findings(copied)
    )


def test_a_copy_of_payouts_alone_is_not_checked_and_not_wrong(copied: Settings) -> None:
    shutil.rmtree(copied.raw_dir)
    verification = verify(copied)
    assert not verification.findings
    assert {one.month for one in verification.unchecked} == {*verification.months}
    assert {one.why for one in verification.unchecked} == {"raw/ is not in this data home"}


def test_without_the_key_pseudonyms_are_not_checked(copied: Settings) -> None:
    (copied.payouts_dir / ".pseudonym.key").unlink()
    verification = verify(Settings(home=copied.home))
    assert not verification.findings
    assert {one.why for one in verification.unchecked} == {NO_KEY}
    assert {one.month for one in verification.unchecked} == {*verification.months}


def test_a_heartbeat_file_that_was_changed_is_found(copied: Settings) -> None:
    pinned = read_pins(copied).versions["heartbeats"]
    path = max(records_of(copied, "heartbeats", pinned).files, key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-100])
    found = verify(copied).findings
    assert found
    assert {finding.check for finding in found} == {Check.WATCHING}
