"""Withholdings of a run: its transfers, what the month keeps, and the second computation of both (RULES.md §10)."""

import csv
import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.ingestion.settings import Settings
from allive.ingestion.withholdings import Withholding
from allive.payouts.balances import Payee
from allive.payouts.close_warnings import _unknown_tax_countries
from allive.payouts.closed_month.books import Month, read_month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.month_files import (
    Control,
    PayeeRow,
    PayoutRow,
    TransferRow,
    WithheldRow,
    WithholdingInForce,
    read_rows,
)
from allive.payouts.files import _payees_of, transfers_of, withheld_by, write_data
from allive.payouts.payees import payer_identity
from allive.payouts.run import ClosedRun, compute_run
from allive.payouts.settlement import ArtistMonth, Settlement
from allive.payouts.verification import Verdict, verify
from allive.payouts.verification.withholdings import check_withholdings, withholdings_of_the_setting
from allive.payouts.withheld import read_withheld_lines
from tests.closed_chain import reseal, small_chain
from tests.oracle.withholdings import withheld_cents

CSG = Withholding(name="CSG", owed_to="l'Urssaf", rate_bp=920, since="2021-03-10")
CRDS = Withholding(name="CRDS", owed_to="l'Urssaf", rate_bp=50, since="2021-03-10")
ABROAD = Withholding(name="RAS", owed_to="le Trésor", rate_bp=1_500, since="2021-01-01", not_tax_countries=("FR",))
IBAN = "FR7630006000011234567890189"


def run_of(*withholdings: Withholding, **paid: int) -> ClosedRun:
    """A run of February 2021, whose payment date is 10 March; `be` lives in Belgium, `nn` nobody knows where."""
    countries = {"fr": "FR", "be": "BE"}
    settlement = Settlement(
        settlement_month="2021-02",
        totals=dict.fromkeys(("periods", "idle_periods", "pool_nanos", "open_periods", "open_envelope_nanos"), 0)
        | dict.fromkeys(("envelope_nanos", "direct_nanos"), sum(paid.values()) * 10_000_000),
        policy={"minimum_payout_cents": 1, "payment_delay_days": 7},
        pool_members=(),
        artists=tuple(
            ArtistMonth(artist, "emerging", False, 0, 0, cents * 10_000_000, 0, cents * 10_000_000, cents)
            for artist, cents in paid.items()
        ),
        payees={artist: Payee(artist, iban=IBAN, tax_country=countries.get(artist)) for artist in paid},
        blockers=(),
        raw_versions={},
    )
    return compute_run(settlement, brought_forward={}, withholdings=withholdings)


def test_each_is_floored_by_itself_and_comes_off_the_order() -> None:
    run = run_of(CSG, CRDS, fr=1_999)
    # 9.2 % of 1,999 are 183.908, and 0.5 % are 9.995.
    assert [(one.name, one.base_cents, one.withheld_cents) for one in withheld_by(run)] == [
        ("CSG", 1_999, 183),
        ("CRDS", 1_999, 9),
    ]
    (transfer,) = transfers_of(run)
    assert (transfer.paid_cents, transfer.withheld_cents, transfer.ordered_cents) == (1_999, 192, 1_807)
    assert [line.paid_cents for line in run.lines] == [1_999]


def test_a_month_without_withholdings_in_force_says_nothing_of_them() -> None:
    later = CSG.model_copy(update={"since": date(2021, 3, 11)})
    over = CSG.model_copy(update={"since": date(2021, 1, 1), "until": date(2021, 3, 9)})
    assert run_of(later, over, fr=1_000) == run_of(fr=1_000)
    assert "withholdings" not in run_of(fr=1_000).control
    assert transfers_of(run_of(fr=1_000))[0].ordered_cents == 1_000


def test_the_payment_date_decides_and_the_month_keeps_what_is_in_force() -> None:
    last_day = CSG.model_copy(update={"since": date(2021, 1, 1), "until": date(2021, 3, 10)})
    assert run_of(last_day, fr=1_000).control["withholdings"] == [
        {"name": "CSG", "owed_to": "l'Urssaf", "rate_bp": 920, "since": "2021-01-01", "until": "2021-03-10"}
    ]


def test_a_country_decides_and_an_unknown_one_is_a_warning() -> None:
    run = run_of(ABROAD, fr=1_000, be=1_000, nn=1_000)
    assert {one.artist_id: one.withheld_cents for one in withheld_by(run)} == {"be": 150}
    (warning,) = _unknown_tax_countries(run)
    assert (warning.kind, warning.subject, warning.found) == ("tax_country_unknown", "nn", "not withheld: RAS")
    assert not [*_unknown_tax_countries(run_of(CSG, nn=1_000))]
    assert not [*_unknown_tax_countries(run_of(ABROAD.model_copy(update={"artist_ids": ("fr",)}), nn=1_000))]


def test_an_order_of_nothing_is_a_transfer_of_nothing() -> None:
    (transfer,) = transfers_of(run_of(CSG.model_copy(update={"rate_bp": 10_000}), fr=1_000))
    assert (transfer.withheld_cents, transfer.ordered_cents) == (1_000, 0)


@given(paid=st.integers(1, 10**12), rates=st.lists(st.integers(1, 3_000), max_size=3))
def test_what_is_withheld_agrees_with_the_oracle_and_never_passes_what_is_paid(paid: int, rates: list[int]) -> None:
    names = [CSG.model_copy(update={"name": str(place), "rate_bp": rate}) for place, rate in enumerate(rates)]
    run = run_of(*names, fr=paid)
    expected = [withheld_cents(paid, one.model_dump(exclude_none=True), "fr", tax_country="FR") for one in names]
    assert [one.withheld_cents for one in withheld_by(run)] == expected
    (transfer,) = transfers_of(run)
    assert transfer.ordered_cents == paid - transfer.withheld_cents >= 0


def test_a_statement_names_the_exemption_of_an_artist_without_a_vat_number(tmp_path: Path) -> None:
    run = run_of(fr=1_000, be=1_000)
    run = replace(run, payees=run.payees | {"be": Payee("be", vat_id="BE0123456789")})
    settings = Settings(home=tmp_path, vat_due_note="TVA à facturer")
    assert {one.artist_id: one.vat_note for one in _payees_of(run, settings)} == {
        "fr": "TVA non applicable, art. 293 B du CGI",
        "be": "TVA à facturer",
    }


def test_the_month_keeps_who_pays_if_the_settings_say_it(tmp_path: Path) -> None:
    assert payer_identity(Settings(home=tmp_path, payer_town="Paris")) == {}
    identity = {"payer_legal_name": "Allive SAS", "payer_siren": "732829320", "payer_town": "Paris"}
    settings = Settings(home=tmp_path, payer_street=None, payer_postcode=None, **identity)
    assert payer_identity(settings) == {
        "payer": {"legal_name": "Allive SAS", "siren": "732829320", "town": "Paris", "country": "FR"}
    }


IN_FORCE: tuple[dict[str, Any], ...] = (
    {"name": "CSG", "owed_to": "l'Urssaf", "rate_bp": 920, "since": "2020-01-01"},
    {"name": "RAS", "owed_to": "le Trésor", "rate_bp": 1_500, "since": "2020-01-01", "tax_countries": ["BE"]},
)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    payouts = tmp_path_factory.mktemp("closed") / "payouts"
    small_chain(payouts, seed=3, months=4, withholdings=IN_FORCE)
    return payouts


def found(payouts: Path) -> set[tuple[Check, str]]:
    verification = verify(Settings(home=payouts.parent))
    return {(one.check, one.file) for one in verification.findings}


def test_a_chain_that_withholds_holds_without_the_settings_of_that_day(closed: Path) -> None:
    assert len((closed / "2020-12" / "withholdings.csv").read_text().splitlines()) > 1
    assert found(closed) == set()
    assert {one.verdict for one in verify(Settings(home=closed.parent)).verdicts} != {Verdict.FAILED}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("control.json", '"rate_bp": 920', '"rate_bp": 921'),
        ("control.json", '"since": "2020-01-01"', '"since": "2030-01-01"'),
        ("withholdings.csv", ",920,", ",920,1"),
        ("payees.csv", ",,,,\n", ",,,BE,\n"),
    ],
)
def test_a_withholding_that_was_not_due_is_found(closed: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    payouts = Path(shutil.copytree(closed, tmp_path / "payouts"))
    path = payouts / "2020-12" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    reseal(payouts, documents=False)
    assert Check.AMOUNTS in {check for check, _ in found(payouts)}


def test_a_withheld_amount_that_goes_to_the_artist_is_found(closed: Path, tmp_path: Path) -> None:
    payouts = Path(shutil.copytree(closed, tmp_path / "payouts"))
    path = payouts / "2020-12" / "transfers.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    for row in rows[1:]:
        row[-2:] = "0", row[-3]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    reseal(payouts, documents=False)
    assert (Check.BANK_FILE, "2020-12/transfers.csv") in found(payouts)


def test_a_file_of_withholdings_that_nothing_asks_for_is_found(closed: Path, tmp_path: Path) -> None:
    payouts = Path(shutil.copytree(closed, tmp_path / "payouts"))
    path = payouts / "2020-12" / "control.json"
    control = json.loads(path.read_text(encoding="utf-8"))
    del control["withholdings"]
    path.write_text(json.dumps(control), encoding="utf-8")
    reseal(payouts, documents=False)
    assert (Check.AMOUNTS, "2020-12/withholdings.csv") in found(payouts)


def test_the_proof_compares_a_run_with_the_setting(closed: Path) -> None:
    month = read_month(Report(lambda _: None), closed / "2020-12")
    assert month is not None
    of_setting = Settings(home=closed.parent, withholdings=IN_FORCE)
    kept = [one.model_dump(exclude_none=True) for one in month.control.withholdings]
    assert withholdings_of_the_setting(of_setting, month) == kept
    assert withholdings_of_the_setting(Settings(home=closed.parent), month) == []


MARTS = """
    create schema marts;
    create table marts.fct_artist_lives (
        settlement_month varchar, artist_id varchar, live_id varchar, title varchar, watch_ms bigint,
        paying_subscribers bigint, direct_nanos bigint
    );
    create table marts.fct_period_slices (
        settlement_month varchar, period_id varchar, subscriber_id varchar, artist_id varchar, category varchar,
        weight decimal(38, 0), amount_nanos bigint, destination varchar
    );
"""


def written(folder: Path, run: ClosedRun) -> dict[str, bytes]:
    """The data files of a run, on marts without slices and lives."""
    (folder / "month").mkdir(parents=True)
    settings = Settings(home=folder, pseudonym_key="00" * 32)
    with duckdb.connect() as con:
        con.execute(MARTS)
        write_data(folder / "month", run, con=con, settings=settings)
    return {path.name: path.read_bytes() for path in (folder / "month").iterdir()}


def test_without_withholdings_in_force_a_month_has_the_same_bytes(tmp_path: Path) -> None:
    later = CSG.model_copy(update={"since": date(2021, 3, 11)})
    without = written(tmp_path / "without", run_of(fr=1_000))
    assert written(tmp_path / "later", run_of(later, fr=1_000)) == without
    assert {"payees.csv", "transfers.csv"} <= without.keys()
    assert "withholdings.csv" not in without
    with_one = written(tmp_path / "with", run_of(CSG, fr=1_000))
    assert with_one["withholdings.csv"].decode().splitlines() == [
        "settlement_month,artist_id,name,owed_to,rate_bp,base_cents,withheld_cents",
        "2021-02,fr,CSG,l'Urssaf,920,1000,92",
    ]
    changed = {name for name in with_one if with_one[name] != without.get(name)}
    assert changed == {"withholdings.csv", "transfers.csv", "control.json"}


def test_files_as_they_are_written_pass_the_second_computation(tmp_path: Path) -> None:
    written(tmp_path, run_of(CSG, CRDS, ABROAD, fr=1_999, be=2_001, nn=3))
    lines = read_withheld_lines(tmp_path / "month")
    assert [(one.artist_id, one.name) for one in lines] == [
        ("be", "CSG"),
        ("be", "CRDS"),
        ("be", "RAS"),
        ("fr", "CSG"),
        ("fr", "CRDS"),
        ("nn", "CSG"),
        ("nn", "CRDS"),
    ]
    folder = (tmp_path / "month").rename(tmp_path / "2021-02")
    rows, payees, transfers, withheld = (
        read_rows(folder / name, kind)
        for name, kind in (
            ("artist_payouts.csv", PayoutRow),
            ("payees.csv", PayeeRow),
            ("transfers.csv", TransferRow),
            ("withholdings.csv", WithheldRow),
        )
    )
    kept = json.loads((folder / "control.json").read_text(encoding="utf-8"))
    rules = tuple(WithholdingInForce.model_validate_json(json.dumps(one)) for one in kept["withholdings"])
    control = Control.model_construct(  # type: ignore[call-arg]
        payment_date=kept["payment_date"], withholdings=rules
    )
    assert len(payees) == len(transfers) == len(rows) == 3
    report = Report(lambda _: None)
    check_withholdings(report, Month(folder, control, rows, [], withheld))
    assert report.findings() == ()
