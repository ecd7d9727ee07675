"""Consistent forgeries, each of which breaks only one rule; and the output of a verification."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.verification import Check, Verdict, Verification, record_verification, verify
from tests import closed_chain
from tests.closed_chain import Chain, small_chain, small_season
from tests.oracle import History
from tests.oracle.pseudonyms import pseudonym
from tests.oracle.settlement import Policy

pytestmark = pytest.mark.slow

HISTORY_HEADER = (
    "valid_from,price_cents,envelope_cents,minimum_live_s,minimum_pool_share_bp,minimum_payout_cents,look_back_months,"
    "payment_delay_days,pool_rule\n"
)
POLICY_ROW = "2015-01-01,499,100,1800,1000,1000,3,7,equal"
"""The policy that the oracle settles with (RULES.md §7)."""
DIRECT_ROW = ",499,100,1800,1000,1000,3,7,direct"
SEED = 1
"""Closed: October to February. November amends October; December amends November and returns a payment."""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain of five months. Read only."""
    return small_chain(tmp_path_factory.mktemp("closed") / "payouts", seed=SEED).payouts


@pytest.fixture
def payouts(closed: Path, tmp_path: Path) -> Path:
    """A copy of the chain, for tests to forge."""
    return Path(shutil.copytree(closed, tmp_path / "payouts"))


def resealed(payouts: Path) -> Verification:
    """Make a forged chain consistent, except for its documents, and verify it."""
    closed_chain.reseal(payouts, documents=False)
    return verify(Settings(home=payouts.parent))


def forge_control(payouts: Path, month: str, forge: Callable[[dict[str, Any]], None]) -> Verification:
    control = closed_chain.read_json(payouts / month / "control.json")
    forge(control)
    closed_chain.write_json(payouts / month / "control.json", control)
    return resealed(payouts)


def forge_rows(payouts: Path, file: str, forge: Callable[[list[dict[str, str]]], None]) -> Verification:
    rows = closed_chain.read_rows(payouts / file)
    header = tuple(rows[0])
    forge(rows)
    closed_chain.write_csv(payouts / file, [header, *(tuple(row.values()) for row in rows)])
    return resealed(payouts)


def forge_slices(payouts: Path, file: str, forge: Callable[[list[list[Any]]], None]) -> Verification:
    rows = slices_of(payouts / file)
    forge(rows)
    closed_chain.write_slice_rows(payouts / file, rows)
    return resealed(payouts)


def slices_of(path: Path) -> list[list[Any]]:
    rows = [list(row.values()) for row in pq.read_table(path).to_pylist()]
    return [[*row[:4], int(row[4]), int(row[5]), row[6]] for row in rows]


def found(verification: Verification, check: Check) -> list[tuple[str, str]]:
    """The file and subject of each finding of a check."""
    return [(finding.file, finding.what) for finding in verification.findings if finding.check is check]


def all_checked(verification: Verification) -> Verification:
    """The same verification, as if the chain's heartbeats were there and had been checked."""
    assert {one.what for one in verification.unchecked} == {"weights from the heartbeats"}
    return replace(verification, unchecked=())


def test_a_period_is_settled_in_one_month_only(payouts: Path) -> None:
    (period, *_) = slices_of(payouts / "2020-10" / "slices.parquet")

    def settle_again(rows: list[list[Any]]) -> None:
        rows.append([period[0], pseudonym("x"), None, None, 0, 6_000_000_000, "pool"])
        rows.sort(key=lambda row: row[0])

    verification = forge_slices(payouts, "2020-12/slices.parquet", settle_again)
    assert found(verification, Check.PERIODS) == [("2020-12/slices.parquet", f"period {period[0]!r}, months")]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda rows: rows[0].__setitem__(5, rows[0][5] + 1), id="a nano more"),
        pytest.param(lambda rows: rows.__setitem__(slice(2), rows[1::-1]), id="order"),
        pytest.param(lambda rows: rows.insert(0, rows[0]), id="a slice twice"),
        pytest.param(lambda rows: rows[0].__setitem__(1, "0" * 32), id="two subscribers"),
        pytest.param(lambda rows: rows[0].__setitem__(6, "pool"), id="destination"),
        pytest.param(lambda rows: rows[0].__setitem__(3, "famous"), id="category"),
        pytest.param(lambda rows: rows[0].__setitem__(4, 0), id="no weight"),
    ],
)
def test_the_slices_of_a_period_are_its_envelope_split_by_weight(
    payouts: Path, forge: Callable[[list[list[Any]]], None]
) -> None:
    (smallest, *_) = slices_of(payouts / "2021-01" / "slices.parquet")
    verification = forge_slices(payouts, "2021-01/slices.parquet", forge)
    (first, *_) = found(verification, Check.PERIODS)
    assert first == ("2021-01/slices.parquet", f"period {smallest[0]!r}")


def test_a_slice_of_another_type_is_no_slice(payouts: Path) -> None:
    path = payouts / "2021-01" / "slices.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["period", *table.column_names[1:]]), path)
    assert ("2021-01/slices.parquet", "content") in found(resealed(payouts), Check.PERIODS)


def test_a_pool_member_too_many_is_found(payouts: Path) -> None:
    verification = forge_control(payouts, "2021-02", lambda control: control["pool_members"].append("art-z"))
    assert ("2021-02/artist_payouts.csv", "artist 'art-z'") in found(verification, Check.AMOUNTS)


def test_another_pool_rule_gives_other_shares(payouts: Path) -> None:
    verification = forge_control(payouts, "2021-02", lambda control: control["policy"].update(pool_rule="direct"))
    assert ("2021-02/artist_payouts.csv", "artist 'art-a', pool_nanos") in found(verification, Check.AMOUNTS)


def test_the_payment_date_is_the_policys(payouts: Path) -> None:
    verification = forge_control(payouts, "2021-01", lambda control: control.update(payment_date="2021-02-11"))
    assert found(verification, Check.AMOUNTS) == [("2021-01/control.json", "payment_date")]


def test_a_month_is_settled_again_with_its_own_policy(payouts: Path) -> None:
    def forge(control: dict[str, Any]) -> None:
        control["adjustments"]["2020-12"]["policy"]["minimum_live_s"] = 60

    verification = forge_control(payouts, "2021-01", forge)
    assert found(verification, Check.ADJUSTMENTS) == [("2021-01/control.json", "adjustments of 2020-12, policy")]


def test_a_run_under_a_policy_that_the_project_never_stated_is_found(tmp_path: Path) -> None:
    """Every figure agrees with the policy that the month names, under which it is closed and settled again."""
    chain = Chain(tmp_path / "payouts", History(policy=Policy(pool_rule="direct")))
    for month, data in small_season(Random(SEED), months=2):
        chain.close(month, data)
    verification = verify(Settings(home=tmp_path))
    assert [(one.check, one.file, one.what, one.found, one.expected) for one in verification.findings] == [
        (Check.POLICY, "2020-10/control.json", "policy, pool_rule", "direct", "equal"),
        (Check.POLICY, "2020-11/control.json", "policy, pool_rule", "direct", "equal"),
        (Check.POLICY, "2020-11/control.json", "adjustments of 2020-10, policy, pool_rule", "direct", "equal"),
    ]
    assert verification.verdict is not Verdict.PROVEN


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param(f"{POLICY_ROW}\n", [], id="unchanged"),
        pytest.param(f"2021-03-01{DIRECT_ROW}\n{POLICY_ROW}\n", [], id="a new row after the last run"),
        pytest.param(
            f"{POLICY_ROW}\n2021-02-28{DIRECT_ROW}\n",
            [
                ("2021-02/control.json", "policy, policy_valid_from"),
                ("2021-02/control.json", "policy, pool_rule"),
            ],
            id="a new row in force on a closed month's last day",
        ),
        pytest.param(
            f"2021-02-28{POLICY_ROW.removeprefix('2015-01-01')}\n2021-03-01{DIRECT_ROW}\n",
            [("2020-10/control.json", "policy"), ("2020-11/control.json", "policy")],
            id="none in force",
        ),
        pytest.param("valid_from\n", [("policies.csv", "has rows")], id="no policies"),
        pytest.param(None, [("policies.csv", "content")], id="no file"),
    ],
)
def test_the_policy_of_each_month_is_the_row_of_the_history_in_force_on_its_last_day(
    closed: Path, tmp_path: Path, history: str | None, expected: list[tuple[str, str]]
) -> None:
    settings = Settings(home=closed.parent).with_project(tmp_path)
    settings.policies_path.parent.mkdir()
    if history is not None:
        settings.policies_path.write_text(HISTORY_HEADER * history.startswith("2") + history, encoding="utf-8")
    findings = found(verify(settings), Check.POLICY)
    assert [one for one in findings if "adjustments" not in one[1]][: len(expected) or None] == expected


def test_a_withdrawn_amendment_is_not_taken_up(payouts: Path) -> None:
    taken_up = closed_chain.read_json(payouts / "2020-12" / "control.json")["amendments"]
    withdrawal = {"action": "amend_withdrawn", "settlement_month": "2020-11", "entries": taken_up, "why": "tests"}
    closed_chain.append_line(payouts, withdrawal)
    verification = verify(Settings(home=payouts.parent))
    assert [one.what for one in verification.findings] == [f"request {entry}, withdrawn" for entry in taken_up]
    assert taken_up


def test_a_catalogue_is_let_in_by_an_amendment_on_record_only(payouts: Path) -> None:
    def forge(control: dict[str, Any]) -> None:
        control["adjustments"]["2020-12"]["catalogue"] = "2021-01"

    verification = forge_control(payouts, "2021-01", forge)
    assert found(verification, Check.BALANCES) == [("2021-01/control.json", "amended months")]


def test_an_amended_month_keeps_the_catalogue_that_amended_it(payouts: Path) -> None:
    assert (
        closed_chain.read_json(payouts / "2021-01" / "control.json")["adjustments"]["2020-11"]["catalogue"] == "2020-12"
    )

    def forge(control: dict[str, Any]) -> None:
        control["adjustments"]["2020-11"]["catalogue"] = "2020-11"

    verification = forge_control(payouts, "2021-01", forge)
    assert ("2021-01/control.json", "adjustments of 2020-11, catalogue") in found(verification, Check.ADJUSTMENTS)


def test_a_returned_payment_comes_back_once(payouts: Path) -> None:
    (entry,) = closed_chain.read_json(payouts / "2020-12" / "control.json")["balance_entries"]
    verification = forge_control(payouts, "2021-02", lambda control: control["balance_entries"].append(entry))
    taken_up = [what for _, what in found(verification, Check.BALANCES) if "taken up before" in what]
    assert len(taken_up) == 1
    assert ("2021-02/artist_payouts.csv", f"artist {entry['artist_id']!r}, brought_forward_cents") in found(
        verification, Check.BALANCES
    )


def one_cent_more(control: dict[str, Any]) -> None:
    control["balance_entries"][0]["cents"] += 1


def test_a_returned_payment_is_what_the_register_says(payouts: Path) -> None:
    verification = forge_control(payouts, "2020-12", one_cent_more)
    assert found(verification, Check.PAYMENTS) == [("2020-12/control.json", "facts of the register taken up")]


def test_a_payment_that_came_back_before_there_was_a_register_is_what_was_paid(tmp_path: Path) -> None:
    payouts = small_chain(tmp_path / "payouts", seed=1, of_format_1=9).payouts
    kinds = [what for _, what in found(forge_control(payouts, "2020-12", one_cent_more), Check.BALANCES)]
    assert any(what.startswith("payment_returned of artist") and what.endswith("as recorded") for what in kinds)
    assert any(what.startswith("payment_returned of artist") and what.endswith("cents") for what in kinds)


@pytest.mark.parametrize(
    ("column", "value"), [("carry_reason", "below_minimum"), ("carry_reason", ""), ("paid_cents", "413")]
)
def test_an_amount_is_paid_or_carried_whole_and_says_why(payouts: Path, column: str, value: str) -> None:
    """In February both are carried: their payments came back before."""

    def forge(rows: list[dict[str, str]]) -> None:
        assert rows[0]["carry_reason"] == "returned"
        rows[0]["earned_cents"] = "1000" if value == "below_minimum" else rows[0]["earned_cents"]
        rows[0][column] = value

    verification = forge_rows(payouts, "2021-02/artist_payouts.csv", forge)
    assert ("2021-02/artist_payouts.csv", "artist 'art-a', paid, carried and why") in found(
        verification, Check.BALANCES
    )


def test_a_live_cannot_have_more_subscribers_than_its_artist(payouts: Path) -> None:
    verification = forge_rows(payouts, "2021-02/artist_lives.csv", lambda rows: rows[0].update(paying_subscribers="99"))
    assert found(verification, Check.AMOUNTS) == [("2021-02/artist_lives.csv", "artist 'art-a', live 'live-a'")]


def test_a_number_is_written_in_one_way_only(payouts: Path) -> None:
    verification = forge_rows(payouts, "2021-02/artist_payouts.csv", lambda rows: rows[1].update(paid_cents="+0"))
    (finding,) = (one for one in verification.findings if one.check is Check.AMOUNTS)
    assert finding.found == "ValueError: line 3, paid_cents is '+0', expected a whole number"


def test_after_a_month_that_cannot_be_read_the_rest_is_still_checked(payouts: Path) -> None:
    (payouts / "2020-12" / "control.json").write_text("{", encoding="utf-8")
    verification = resealed(payouts)
    assert ("2020-12/control.json", "content") in found(verification, Check.AMOUNTS)
    assert [one.month for one in verification.unchecked if "a month before it" in one.why] == ["2021-01", "2021-02"]


def test_many_statements_are_read_by_processes_to_the_same_findings(
    payouts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, statements = Settings(home=payouts.parent), payouts / "2021-01" / "statements"
    (statements / "art-b.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    shutil.copy(payouts / "2020-12" / "statements" / "art-a.pdf", statements / "art-a.pdf")
    alone = verify(settings, "2021-01").findings
    assert {"art-a.pdf", "art-b.pdf"} == {Path(one.file).name for one in alone if one.check is Check.STATEMENTS}
    monkeypatch.setattr("allive.payouts.verification.documents._WORTH_PROCESSES", 2)
    monkeypatch.setattr("allive.payouts.verification.documents._PER_PROCESS", 1)
    assert verify(settings, "2021-01").findings == alone


def test_one_month_alone_is_checked_in_depth(payouts: Path) -> None:
    path = payouts / "2020-10" / "artist_lives.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("live-a", "live-x"), encoding="utf-8")
    settings = Settings(home=payouts.parent)
    of_another = verify(settings, "2020-12")
    assert of_another.months == ("2020-12",)
    assert {finding.check for finding in of_another.findings} == {Check.FILES}
    assert {finding.month for finding in verify(settings, "2020-10").findings} == {"2020-10"}


def test_a_month_that_is_not_closed_is_not_proven(payouts: Path) -> None:
    (finding,) = verify(Settings(home=payouts.parent), "2021-03").findings
    assert str(finding).startswith("2021-03, folder: found nothing, expected a closed month. ")


def test_a_torn_last_line_is_found(payouts: Path) -> None:
    log = payouts / "audit.ndjson"
    log.write_bytes(log.read_bytes()[:-1])
    assert found(verify(Settings(home=payouts.parent)), Check.AUDIT) == [("audit.ndjson", "end")]


def test_a_file_that_is_wrong_throughout_is_summed_up(payouts: Path) -> None:
    def forge(rows: list[list[Any]]) -> None:
        rows[:] = [[f"{row[0]}-{n:02}", *row[1:5], 1, row[6]] for n in range(9) for row in rows]

    verification = forge_slices(payouts, "2021-01/slices.parquet", forge)
    of_file = [one for one in verification.findings if one.check is Check.PERIODS]
    assert len(of_file) == 21
    assert (of_file[-1].what, of_file[-1].expected) == ("further lines", "none")
    (count,) = (one for one in verification.counts if one.check is Check.PERIODS)
    assert of_file[-1].found == f"{count.failed - 20} more findings"


def test_a_verification_leaves_a_line_that_later_ones_hold_it_to(payouts: Path) -> None:
    settings = Settings(home=payouts.parent)
    verification = all_checked(verify(settings))
    entry = record_verification(settings, verification, operator="Zoé")
    assert (entry["action"], entry["findings"], entry["last_month"]) == ("verify", 0, "2021-02")
    assert (entry["verdict"], entry["proven"]) == ("proven", list(verification.months))
    assert entry["previous"] == verification.audit_head
    assert entry["last_run_hash"] == closed_chain.read_json(payouts / "2021-02" / "manifest.json")["run_hash"]


def test_what_is_not_provable_is_recorded_so_and_holds_nobody_to_a_run_hash(payouts: Path) -> None:
    settings = Settings(home=payouts.parent)
    entry = record_verification(settings, verify(settings), operator="Zoé")
    assert (entry["verdict"], entry["findings"], entry["proven"]) == ("not provable", 0, [])
    assert "last_run_hash" not in entry


def test_of_months_that_are_proven_in_part_the_newest_proven_one_is_recorded(payouts: Path) -> None:
    settings = Settings(home=payouts.parent)
    verification = verify(settings)
    in_part = replace(verification, unchecked=tuple(one for one in verification.unchecked if one.month != "2020-12"))
    entry = record_verification(settings, in_part, operator="Zoé")
    assert (entry["verdict"], entry["proven"], entry["last_month"]) == ("not provable", ["2020-12"], "2020-12")
    assert entry["last_run_hash"] == closed_chain.read_json(payouts / "2020-12" / "manifest.json")["run_hash"]


def test_what_was_not_proven_is_recorded_without_a_run_hash(payouts: Path) -> None:
    settings = Settings(home=payouts.parent)
    (payouts / "2020-12" / "control.json").unlink()
    entry = record_verification(settings, verify(settings), operator="Zoé")
    assert entry["verdict"] == "failed"
    assert entry["findings"] > 0
    assert "last_run_hash" not in entry


def test_a_run_that_was_verified_cannot_be_replaced_with_its_line(payouts: Path) -> None:
    """The log is chained again, but the verification's line has another run hash than the closing's."""
    log = payouts / "audit.ndjson"
    entries = [json.loads(line) for line in log.read_bytes().splitlines()]
    log.unlink()
    (verified,) = (entry for entry in entries if entry["action"] == "verify")
    verified["last_run_hash"] = "0" * 64
    for entry in entries:
        closed_chain.append_line(payouts, {key: entry[key] for key in entry if key not in {"previous", "sha256"}})
    assert [file for file, what in found(verify(Settings(home=payouts.parent)), Check.AUDIT) if "verified" in what] == [
        "2021-02/manifest.json"
    ]
