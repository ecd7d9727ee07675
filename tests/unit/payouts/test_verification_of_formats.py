"""Chains with months of both formats, and months that were closed with another key of the pseudonyms."""

import shutil
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.slices import periods_in_two_months
from allive.payouts.verification import Check, Verdict, Verification, verify
from allive.payouts.verification.pseudonym_key import ANOTHER_KEY, NO_KEY, PseudonymKey
from tests import closed_chain
from tests.closed_chain import Chain, small_chain, small_season
from tests.oracle.pseudonyms import KEY, period_pseudonym, pseudonym

pytestmark = pytest.mark.slow

OF_FORMAT_1 = ["2020-10", "2020-11"]
OF_FORMAT_2 = ["2020-12", "2021-01"]
ACROSS = "its periods against months of format 1"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of format 1, then two of format 2, which settle the first two again. Read only."""
    payouts = tmp_path_factory.mktemp("closed") / "payouts"
    small_chain(payouts, seed=1, months=4, of_format_1=2)
    assert (payouts / "2020-12" / "resettled" / "2020-11.parquet").exists()
    return payouts


@pytest.fixture
def payouts(closed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(closed, tmp_path / "payouts"))


def settings_of(payouts: Path, key: str | None = None) -> Settings:
    return Settings(home=payouts.parent, pseudonym_key=key)


def findings(verification: Verification) -> set[tuple[Check, str | None]]:
    return {(one.check, one.month) for one in verification.findings}


def unchecked(verification: Verification, what: str) -> dict[str, str]:
    return {one.month: one.why for one in verification.unchecked if one.what == what}


def test_months_of_both_formats_hold_side_by_side(payouts: Path) -> None:
    verification = verify(settings_of(payouts))
    assert not verification.findings, "\n".join(map(str, verification.findings))
    assert {one.what for one in verification.unchecked} == {"weights from the heartbeats"}
    (count,) = (one for one in verification.counts if one.check is Check.KEY)
    assert count.compared > 3 * len(OF_FORMAT_2)


def settle_again(payouts: Path, period_id: str, *, of: str, by_pseudonym: bool) -> Verification:
    """Add an idle period to a month's slices."""
    path = payouts / of / "slices.parquet"
    rows: list[list[Any]] = [list(row.values()) for row in pq.read_table(path).to_pylist()]
    name = period_pseudonym(period_id) if by_pseudonym else period_id
    rows.append([name, pseudonym("x"), None, None, 0, 6_000_000_000, "pool"])
    rows.sort(key=lambda row: row[0])
    closed_chain.write_slice_rows(path, [(*row[:4], int(row[4]), int(row[5]), row[6]) for row in rows])
    closed_chain.reseal(payouts, documents=False)
    return verify(settings_of(payouts))


@pytest.mark.parametrize(
    ("first", "again"),
    [("2020-10", "2020-11"), ("2020-10", "2021-01"), ("2020-11", "2020-12"), ("2020-12", "2021-01")],
)
def test_a_period_is_settled_in_one_month_only_whatever_the_formats(payouts: Path, first: str, again: str) -> None:
    number = closed_chain_number(first)
    verification = settle_again(payouts, f"per-{number}-0", of=again, by_pseudonym=again in OF_FORMAT_2)
    what = f"period {period_pseudonym(f'per-{number}-0')!r}, months"
    found = {(one.file, one.what, one.found) for one in verification.findings if one.check is Check.PERIODS}
    assert found == {(f"{again}/slices.parquet", what, f"{first} and {again}")}


def closed_chain_number(month: str) -> int:
    """The number that the season gives to the periods of a month."""
    return [*OF_FORMAT_1, *OF_FORMAT_2].index(month)


def test_without_the_key_months_of_format_2_are_not_compared_with_those_before(payouts: Path) -> None:
    (payouts / ".pseudonym.key").unlink()
    verification = verify(settings_of(payouts))
    assert not verification.findings
    assert unchecked(verification, ACROSS) == dict.fromkeys(OF_FORMAT_2, NO_KEY)
    assert unchecked(verification, "pseudonym_key_check") == dict.fromkeys(OF_FORMAT_2, NO_KEY)
    assert verification.verdict is Verdict.NOT_PROVABLE


def test_another_key_is_wrong_and_proves_nothing(payouts: Path) -> None:
    verification = verify(settings_of(payouts, "another"))
    assert findings(verification) == {(Check.KEY, month) for month in OF_FORMAT_2}
    assert unchecked(verification, ACROSS) == dict.fromkeys(OF_FORMAT_2, ANOTHER_KEY)
    (first, _) = verification.findings
    assert first.file == "2020-12/control.json"
    assert "close nothing before" in str(first)


def test_a_month_that_was_closed_with_another_key_is_found_whatever_key_is_here(tmp_path: Path) -> None:
    """Its periods could have been booked before: nobody can recognise them."""
    chain = Chain(tmp_path / "payouts")
    for number, (month, data) in enumerate(small_season(Random(1), months=3)):
        chain.key = "another" if number == 2 else KEY
        chain.close(month, data)
    (tmp_path / "payouts" / ".pseudonym.key").unlink()
    for key, wrong in ((None, {chain.months[2]}), (KEY, {chain.months[2]}), ("another", {*chain.months})):
        verification = verify(settings_of(chain.payouts, key))
        assert findings(verification) == {(Check.KEY, month) for month in wrong}
        assert verification.verdict is Verdict.FAILED


@pytest.mark.parametrize("forged", [None, "", "x" * 32, 5])
def test_a_month_of_format_2_states_its_key(payouts: Path, forged: object) -> None:
    path = payouts / "2021-01" / "control.json"
    closed_chain.write_json(path, closed_chain.read_json(path) | {"pseudonym_key_check": forged})
    closed_chain.reseal(payouts, documents=False)
    assert any(one.file == "2021-01/control.json" for one in verify(settings_of(payouts)).findings)


@pytest.mark.parametrize(("month", "column"), [("2020-11", "period_pseudonym"), ("2021-01", "period_id")])
def test_a_month_names_periods_as_its_format_does(payouts: Path, month: str, column: str) -> None:
    path = payouts / month / "slices.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns([column, *table.column_names[1:]]), path)
    closed_chain.reseal(payouts, documents=False)
    assert (Check.KEY, month) in findings(verify(settings_of(payouts)))


def test_a_key_check_in_a_month_of_format_1_is_none_of_its_fields(payouts: Path) -> None:
    path = payouts / "2020-11" / "control.json"
    content = closed_chain.read_json(path) | {"pseudonym_key_check": PseudonymKey(KEY.encode()).check_value}
    closed_chain.write_json(path, content)
    closed_chain.reseal(payouts, documents=False)
    assert (Check.KEY, "2020-11") in findings(verify(settings_of(payouts)))


def test_a_root_of_receipts_that_this_version_cannot_check_is_not_read(payouts: Path) -> None:
    path = payouts / "2021-01" / "control.json"
    assert closed_chain.read_json(path)["receipts_root"] is None
    closed_chain.write_json(path, closed_chain.read_json(path) | {"receipts_root": "0" * 64})
    closed_chain.reseal(payouts, documents=False)
    assert (Check.AMOUNTS, "2021-01") in findings(verify(settings_of(payouts)))


def test_periods_are_merged_across_formats_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of the parts that are sorted at a time, every period of two months is found, once."""
    names = {"ids": [f"per-{number:02}" for number in range(40)]}
    names["pseudonyms"] = sorted(period_pseudonym(f"per-{number:02}") for number in range(30, 50))
    files = {}
    for (name, values), column, month in zip(
        names.items(), ("period_id", "period_pseudonym"), ("2020-10", "2020-11"), strict=True
    ):
        path = tmp_path / f"{name}.parquet"
        closed_chain.write_slice_rows(path, [(value, "s", None, None, 0, 1, "pool") for value in values], names=column)
        files[path] = month
    expected = sorted((period_pseudonym(f"per-{number}"), ("2020-10", "2020-11")) for number in range(30, 40))
    for at_once in (1, 7, 40, 1_000):
        monkeypatch.setattr("allive.payouts.closed_month.slices._SORTED_AT_ONCE", at_once)
        assert [*periods_in_two_months(files, pseudonyms=period_pseudonym)] == expected
    assert not [*periods_in_two_months(files)]
