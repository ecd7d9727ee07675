"""Each month's verdict: proven, failed or not provable, and never "changed or cut" if nothing was.

The chain in these tests was closed without raw tables, so its heartbeats can never be checked.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, read_month
from allive.payouts.closed_month.findings import Report, Unchecked
from allive.payouts.verification import Check, Verdict, Verification, record_verification, verify
from allive.payouts.verification.balances import check_balances
from allive.payouts.verification.payments import read_payments
from allive.payouts.verification.seals import AuditLine, AuditLog
from tests import closed_chain
from tests.closed_chain import small_chain

pytestmark = pytest.mark.slow

MONTHS = ("2020-10", "2020-11", "2020-12", "2021-01", "2021-02")
PROVEN, FAILED, NOT_PROVABLE = Verdict.PROVEN, Verdict.FAILED, Verdict.NOT_PROVABLE
HEARTBEATS = "weights from the heartbeats"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain of five months. Read only."""
    return small_chain(tmp_path_factory.mktemp("closed") / "payouts", seed=1).payouts


@pytest.fixture
def payouts(closed: Path, tmp_path: Path) -> Path:
    """A copy of the chain, for tests to change."""
    return Path(shutil.copytree(closed, tmp_path / "payouts"))


def verdicts(verification: Verification) -> dict[str, Verdict]:
    """The verdict on each month, on the audit log and on the rest."""
    return {one.month: one.verdict for one in verification.verdicts}


def reasons(verification: Verification, month: str) -> list[str]:
    """The reasons why a month is not proven, without the one about heartbeats."""
    (of_month,) = (one for one in verification.verdicts if one.month == month)
    return [reason for reason in of_month.reasons if HEARTBEATS not in reason]


def of(payouts: Path, month: str | None = None, **options: str) -> Verification:
    return verify(Settings(home=payouts.parent), month, **options)


def set_format(manifest: Path, found: object) -> None:
    """Write another format into a manifest, and change nothing else."""
    content = closed_chain.read_json(manifest) | {"format": found}
    closed_chain.write_json(manifest, content)


def seal_log(payouts: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Rewrite the audit log with each line changed, and chain and seal it as if it had always been so."""
    log = payouts / "audit.ndjson"
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    log.unlink()
    for entry in lines:
        change(entry)
        closed_chain.append_line(payouts, {key: entry[key] for key in entry if key not in {"previous", "sha256"}})


def close_as_newer(payouts: Path, month: str) -> None:
    """Make a month look closed by a later version of the project, but recorded in today's format."""
    set_format(payouts / month / "manifest.json", 3)
    sha256 = hashlib.sha256((payouts / month / "manifest.json").read_bytes()).hexdigest()

    def on_record(entry: dict[str, object]) -> None:
        if (entry["action"], entry.get("settlement_month")) == ("close", month):
            entry["manifest_sha256"] = sha256

    seal_log(payouts, on_record)


def test_exit_codes_are_those_of_the_interface() -> None:
    assert {verdict: verdict.exit_code for verdict in Verdict} == {PROVEN: 0, FAILED: 1, NOT_PROVABLE: 3}


def test_where_heartbeats_are_gone_no_month_is_proven_and_none_failed(payouts: Path) -> None:
    verification = of(payouts)
    assert verification.findings == ()
    assert verdicts(verification) == dict.fromkeys(MONTHS, NOT_PROVABLE)
    assert verification.verdict is NOT_PROVABLE
    assert verification.verdict is not Verdict.PROVEN
    (reason,) = verification.verdicts[0].reasons
    assert reason.startswith(f"not checked: {HEARTBEATS}: ")


def test_a_month_that_was_changed_failed_and_the_others_have_their_own_verdict(payouts: Path) -> None:
    path = payouts / "2020-11" / "artist_lives.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("live-a", "live-x"), encoding="utf-8")
    verification = of(payouts)
    assert verification.verdict is FAILED
    assert verdicts(verification) == {**dict.fromkeys(MONTHS, NOT_PROVABLE), "2020-11": FAILED}
    assert reasons(verification, "2020-11")[0] == "Files and their SHA-256: failed"


def test_months_after_one_that_cannot_be_read_are_not_provable_by_its_name(payouts: Path) -> None:
    (payouts / "2020-12" / "control.json").write_text("{", encoding="utf-8")
    closed_chain.reseal(payouts, documents=False)
    verification = of(payouts)
    assert verdicts(verification)["2020-12"] is FAILED
    after = [one for one in verification.unchecked if one.what == "adjustments, balances, heartbeats"]
    assert {(one.month, one.why) for one in after} == {
        (month, "a month before it, 2020-12, cannot be read") for month in ("2021-01", "2021-02")
    }


def test_a_month_that_the_log_knows_and_that_is_gone_failed(payouts: Path) -> None:
    shutil.rmtree(payouts / "2021-02")
    verification = of(payouts)
    assert verdicts(verification)["2021-02"] is FAILED
    assert verdicts(verification)["2021-01"] is NOT_PROVABLE


def test_a_log_that_knows_months_of_which_none_is_there_failed(payouts: Path) -> None:
    for month in MONTHS:
        shutil.rmtree(payouts / month)
    assert verdicts(of(payouts)) == dict.fromkeys(MONTHS, FAILED)


def test_a_log_that_was_cut_fails_itself_and_proves_no_month(payouts: Path) -> None:
    log = payouts / "audit.ndjson"
    first, *others = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first.replace(b"2021-06-01", b"2021-06-02") + b"".join(others))
    verification = of(payouts)
    assert verdicts(verification)["audit.ndjson"] is FAILED
    assert verdicts(verification)["2021-02"] is NOT_PROVABLE
    assert "not proven by audit.ndjson, which is wrong" in reasons(verification, "2021-02")


@pytest.mark.parametrize("month", [None, "2021-02"])
def test_without_payouts_nothing_is_wrong_and_nothing_provable(tmp_path: Path, month: str | None) -> None:
    verification = verify(Settings(home=tmp_path), month)
    assert (verification.verdict, verification.months, verification.findings) == (NOT_PROVABLE, (), ())
    (one,) = verification.verdicts
    assert "restore payouts/" in one.reasons[0]


def test_without_payouts_a_line_that_was_noted_elsewhere_is_missing(tmp_path: Path) -> None:
    assert verify(Settings(home=tmp_path), anchor="0" * 64).verdict is FAILED


def test_a_log_that_knows_of_no_month_proves_that_there_is_none(tmp_path: Path) -> None:
    closed_chain.append_line(tmp_path / "payouts", {"action": "batch_released", "batch": "b", "why": "tests"})
    assert of(tmp_path / "payouts").verdict is PROVEN


def test_a_month_of_a_newer_format_is_not_provable_and_says_both_formats(payouts: Path) -> None:
    close_as_newer(payouts, "2021-02")
    verification = of(payouts)
    assert verification.findings == ()
    assert verdicts(verification)["2021-02"] is NOT_PROVABLE
    said = reasons(verification, "2021-02")
    assert len(said) == 1
    for part in ("it has format 3", "knows formats up to 2", "Upgrade the project"):
        assert part in said[0]
    assert reasons(verification, "2021-01") == []


def test_months_before_a_newer_one_are_checked_as_ever(payouts: Path) -> None:
    close_as_newer(payouts, "2021-02")
    path = payouts / "2020-11" / "artist_lives.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("live-a", "live-x"), encoding="utf-8")
    assert verdicts(of(payouts))["2020-11"] is FAILED


def test_months_after_a_newer_one_are_not_provable(payouts: Path) -> None:
    close_as_newer(payouts, "2020-12")
    verification = of(payouts)
    assert verification.findings == ()
    assert any("2020-12, cannot be read" in reason for reason in reasons(verification, "2021-01"))


def test_a_format_that_was_written_into_a_month_is_no_way_around_the_log(payouts: Path) -> None:
    set_format(payouts / "2021-02" / "manifest.json", 3)
    verification = of(payouts)
    assert verdicts(verification)["2021-02"] is FAILED
    assert {finding.check for finding in verification.findings} == {Check.AUDIT}


@pytest.mark.parametrize("found", [0, -1, "2", True, None, 1.0])
def test_what_is_no_format_is_damage(payouts: Path, found: object) -> None:
    set_format(payouts / "2021-02" / "manifest.json", found)
    verification = of(payouts)
    assert "2021-02/manifest.json" in {one.file for one in verification.findings if one.check is Check.FILES}


def test_a_month_with_format_1_is_one_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payouts = small_chain(tmp_path / "payouts", seed=1, months=2, of_format_1=9).payouts
    write_json = closed_chain.write_json

    def stamped(path: Path, content: dict[str, object]) -> None:
        write_json(path, {"format": 1, **content} if path.name == "manifest.json" else content)

    monkeypatch.setattr(closed_chain, "write_json", stamped)
    closed_chain.reseal(payouts)
    assert b'"format": 1' in (payouts / "2020-11" / "manifest.json").read_bytes()
    assert of(payouts).findings == ()


def test_a_newer_line_of_the_log_is_not_provable_and_no_error(payouts: Path) -> None:
    with (payouts / "audit.ndjson").open("ab") as log:
        log.write(b'{"format": 2, "what": "a later version of the project knows"}\n')
    number = len((payouts / "audit.ndjson").read_bytes().splitlines())
    verification = of(payouts)
    assert verification.findings == ()
    assert verdicts(verification)["audit.ndjson"] is NOT_PROVABLE
    (reason,) = reasons(verification, "audit.ndjson")
    assert f"line {number}: it has format 2" in reason
    assert reasons(verification, "2021-02") == []


def test_a_closing_on_a_newer_line_is_not_missing(payouts: Path) -> None:
    log = payouts / "audit.ndjson"
    whole = log.read_bytes().splitlines(keepends=True)
    (last,) = (number for number, line in enumerate(whole) if b'"2021-02", "run_hash"' in line and b'"close"' in line)
    log.write_bytes(b"".join(whole[:last]) + b'{"format": 2, "closed": "2021-02"}\n')
    verification = of(payouts)
    assert verification.findings == ()
    assert any("its closing" in reason for reason in reasons(verification, "2021-02"))


def test_a_newer_line_in_the_middle_breaks_the_chain_after_it(payouts: Path) -> None:
    """The next line, in today's format, has the hash of the replaced line."""
    log = payouts / "audit.ndjson"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"format": 2, "what": "hides a line"}\n'
    log.write_bytes(b"".join(lines))
    verification = of(payouts)
    assert verdicts(verification)["audit.ndjson"] is FAILED
    assert "line 3, previous" in {finding.what for finding in verification.findings}


def test_requests_on_newer_lines_are_not_checked_and_no_error(payouts: Path) -> None:
    report, log = Report(), AuditLog()
    month = read_month(report, payouts / "2020-12")
    assert month is not None
    assert month.control.requests(), "the chain should amend in December"
    log.lines |= {sha256: AuditLine(1, {}) for sha256 in month.control.requests()}
    check_balances(report, month, Books(), log, read_payments(report, payouts))
    assert [one.what for one in report.unchecked] == ["the requests that its run took up"]
    assert {one.file for one in report.findings()} == {"2020-12/artist_payouts.csv"}, "only balances: Books() has none"


def test_a_newer_home_is_not_provable_and_nothing_of_it_is_read(payouts: Path) -> None:
    (payouts.parent / "format.json").write_text('{"format": 3}', encoding="ascii")
    (payouts / "2021-02" / "control.json").unlink()
    verification = of(payouts)
    assert (verification.verdict, verification.findings) == (NOT_PROVABLE, ())
    assert "the data home has format 3" in verification.verdicts[0].reasons[0]


def test_a_home_whose_stamp_is_damaged_failed(payouts: Path) -> None:
    (payouts.parent / "format.json").write_text("{", encoding="ascii")
    assert of(payouts).verdict is FAILED


def test_what_this_user_may_not_read_is_not_checked_and_not_damaged() -> None:
    report = Report()
    with report.at(Check.AMOUNTS, "2021-02/control.json").reading():
        raise PermissionError(13, "Permission denied")
    assert report.findings() == ()
    assert report.unchecked == [
        Unchecked("2021-02", "2021-02/control.json, content", "Permission denied for this user")
    ]


def test_a_verification_is_not_recorded_behind_a_line_that_is_newer(payouts: Path) -> None:
    settings = Settings(home=payouts.parent)
    log = payouts / "audit.ndjson"
    log.write_bytes(log.read_bytes() + b'{"format": 2}\n')
    before = log.read_bytes()
    with pytest.raises(Exception, match="has format 2"):
        record_verification(settings, verify(settings), operator="Zoé")
    assert log.read_bytes() == before
