"""The books of random histories and of a closed chain: the file is read back, balances, and owes what the rules say."""

import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.commands import accounts
from allive.payouts.accounts import Entry, PaymentExecuted, Withheld, artist_years, balances, entries_of
from allive.payouts.accounts.from_payouts import charts_of, facts_of, names_of, unconfirmed_cents
from allive.payouts.payments import actions
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import PaymentState, payments_of
from tests.closed_chain import read_rows, small_chain
from tests.fec_reader import Row, findings, read
from tests.payment_world.world import WITHHOLDINGS, World, make_world

STEPS = 90
YEARS = (2021, 2022, 2023, 2026)
ARTISTS = ("anna", "bob", "chloe", "dune")
SIREN = "732829320"


@pytest.fixture(scope="module", params=range(4))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A history; the bank's messages were imported out of order, some never."""
    world = make_world(tmp_path_factory.mktemp("world"), request.param)
    for _ in range(STEPS):
        world.step()
    return world


def owed_to_artists(entries: tuple[Entry, ...]) -> Counter[str]:
    return Counter({artist: -cents for (account, artist), cents in balances(entries).items() if account == "467100"})


def test_the_books_owe_each_artist_the_balance_and_what_is_under_way(world: World) -> None:
    expected = Counter[str]()
    for debt, ids in world.payments.debts.items():
        if world.payments.attempts[ids[-1]].state in {PaymentState.ORDERED, PaymentState.CANCELLED}:
            expected[debt[1]] += world.payments.attempts[ids[-1]].ordered.cents
    for artist in ARTISTS:
        expected[artist] += world.balance(artist)
    assert owed_to_artists(entries_of(facts_of(world.settings))) == +expected


def test_what_is_withheld_is_owed_to_others(world: World) -> None:
    entries = entries_of(facts_of(world.settings))
    of_account = sum(cents for (account, _), cents in balances(entries).items() if account == "437800")
    assert -of_account == sum(world.withheld.values())
    by_name = Counter[str]()
    for fact in facts_of(world.settings):
        if isinstance(fact, Withheld):
            by_name[fact.name] += fact.cents
    if world.withholds:
        assert {*by_name} == {one["name"] for one in WITHHOLDINGS}
        assert min(by_name.values()) >= 0
    else:
        assert not by_name


def test_the_bank_account_moves_by_what_the_register_says(world: World) -> None:
    moved = -sum(world.otherwise.values())
    for one in world.payments.attempts.values():
        returns = sum(back.cents for back in one.returns.values())
        left = one.ordered.cents if one.executed or one.returns else 0
        moved += returns - left - (one.executed.charges_cents if one.executed else 0)
    # By the world's own facts: nothing here is unmatched but business of others.
    found = sum(
        cents for (account, _), cents in balances(entries_of(facts_of(world.settings))).items() if account == "512000"
    )
    assert found == moved


def payments_in(world: World, year: int) -> dict[str, Counter[str]]:
    """The register's amounts of a year, added up one by one."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in world.payments.attempts.values():
        of_artist = sums[one.ordered.artist_id]
        if one.order.requested_on.year == year:
            of_artist["ordered_cents"] += one.ordered.cents
            of_artist["unconfirmed"] += one.ordered.cents if one.state is PaymentState.ORDERED else 0
        days = [one.executed.booked_on] if one.executed else [back.booked_on for back in one.returns.values()]
        if days and min(days).year == year:
            of_artist["executed_cents"] += one.ordered.cents
        of_artist["returned_cents"] += sum(back.cents for back in one.returns.values() if back.booked_on.year == year)
    for settled in world.payments.settled.values():
        if settled.paid_on.year == year:
            sums[settled.artist_id]["otherwise_cents"] += settled.cents
    return sums


def test_years_of_artists_are_those_of_the_register(world: World) -> None:
    for year in YEARS:
        sums = payments_in(world, year)
        rows = {row.artist_id: row for row in artist_years(facts_of(world.settings), year)}
        for artist in ARTISTS:
            for name in ("ordered_cents", "executed_cents", "returned_cents", "otherwise_cents"):
                assert getattr(rows.get(artist), name, 0) == sums[artist][name], (year, artist, name)
        waiting = unconfirmed_cents(world.settings, year)
        assert waiting == {artist: one["unconfirmed"] for artist, one in sums.items() if one["unconfirmed"]}


def test_a_return_without_its_execution_had_left(world: World) -> None:
    executed = {fact.reference for fact in facts_of(world.settings) if isinstance(fact, PaymentExecuted)}
    returned = {name for name, one in world.payments.attempts.items() if one.returns}
    assert returned <= executed


IN_FORCE: tuple[dict[str, Any], ...] = (
    {"name": "CSG", "owed_to": "Urssaf", "rate_bp": 920, "since": "2020-01-01"},
    {"name": "CRDS", "owed_to": "Urssaf", "rate_bp": 50, "since": "2020-01-01"},
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A closed chain from October to February with adjustments, withholdings and a returned payment."""
    home = tmp_path_factory.mktemp("home")
    small_chain(home / "payouts", seed=3, months=5, withholdings=IN_FORCE)
    return Settings(home=home, payer_siren=SIREN, accounts={"withheld:CRDS": "437810 CRDS"})


def read_back(path: Path) -> list[Row]:
    content = path.read_bytes()
    assert findings(content, path.name) == []
    return read(content)


def test_the_files_of_the_months_are_that_of_the_year(settings: Settings, tmp_path: Path) -> None:
    assert accounts.write_year(settings, 2020, target=tmp_path)
    of_year = read_back(tmp_path / f"{SIREN}FEC20201231.txt")
    of_months: list[Row] = []
    for month, last_day in (("2020-10", "20201031"), ("2020-11", "20201130"), ("2020-12", "20201231")):
        folder = tmp_path / month
        assert accounts.write_month(settings, month, target=folder)
        rows = read_back(folder / f"{SIREN}FEC{last_day}.txt")
        assert {f"{row.day:%Y-%m}" for row in rows} == {month}
        assert sum(row.debit for row in rows) == sum(row.credit for row in rows) > 0
        of_months += rows
    assert [replace(row, line=0) for row in of_months] == [replace(row, line=0) for row in of_year]


def test_a_months_file_has_its_run(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accounts.write_month(settings, "2020-12", target=tmp_path)
    rows = read_back(tmp_path / f"{SIREN}FEC20201231.txt")
    folder = settings.payouts_dir / "2020-12"
    earned = sum(int(row["earned_cents"]) for row in read_rows(folder / "artist_payouts.csv"))
    adjusted = sum(int(row["adjustment_cents"]) for row in read_rows(folder / "adjustments.csv"))
    withheld = Counter[str]()
    for line in read_rows(folder / "withholdings.csv"):
        withheld[line["name"]] += int(line["withheld_cents"])
    moved = Counter[str]()
    for row in rows:
        moved[row.account] += row.balance
    assert withheld["CSG"] > withheld["CRDS"] > 0
    assert (moved["651600"], moved["437800"], moved["437810"]) == (
        earned + adjusted,
        -withheld["CSG"],
        -withheld["CRDS"],
    )
    assert {row.piece for row in rows if row.label.startswith("Droits")} <= {"ALV-2020-12"}
    said = capsys.readouterr().out
    assert "Refunds of final months borne by Allive: 0.00 EUR." in said
    assert f"{sum(row.debit for row in rows) / 100:,.2f}" in said.split("total")[1]


def booked_in(payouts: Path, year: int) -> dict[str, Counter[str]]:
    """The cents that the runs of a year earned, adjusted and withheld, by artist."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for folder in payouts.glob(f"{year}-*"):
        for line in read_rows(folder / "artist_payouts.csv"):
            sums[line["artist_id"]]["earned_cents"] += int(line["earned_cents"])
            sums[line["artist_id"]]["adjusted_cents"] += int(line["adjustment_cents"])
        for line in read_rows(folder / "withholdings.csv"):
            sums[line["artist_id"]]["withheld_cents"] += int(line["withheld_cents"])
    return sums


@pytest.mark.parametrize("year", [2020, 2021])
def test_a_year_of_artists_agrees_with_months_and_register(settings: Settings, tmp_path: Path, year: int) -> None:
    assert accounts.write_year(settings, year, target=tmp_path)
    rows = {row["artist_id"]: row for row in read_rows(tmp_path / f"artists-{year}.csv")}
    expected = booked_in(settings.payouts_dir, year)
    for one in payments_of(read_register(settings)).attempts.values():
        if year == 2021:  # the day that the orders of the chain ask for, and on which they come back
            of_artist = expected[one.ordered.artist_id]
            of_artist["ordered_cents"] += one.ordered.cents
            of_artist["returned_cents"] += one.returned_cents
            of_artist["withheld_cents"] -= sum(back.withheld_back_cents for back in one.returns.values())
    assert any(one["withheld_cents"] for one in expected.values())
    for artist, amounts in expected.items():
        for name in ("earned_cents", "adjusted_cents", "withheld_cents", "ordered_cents", "returned_cents"):
            assert int(rows[artist][name]) == amounts[name], (artist, name)


def test_the_result_of_a_whole_chain_is_what_it_carries_and_what_is_under_way(settings: Settings) -> None:
    last = read_rows(settings.payouts_dir / "2021-02" / "artist_payouts.csv")
    expected = Counter({row["artist_id"]: int(row["carried_forward_cents"]) for row in last})
    for row in (row for path in settings.payouts_dir.glob("*/transfers.csv") for row in read_rows(path)):
        expected[row["artist_id"]] += int(row["ordered_cents"])
    entries = entries_of(facts_of(settings), charts=charts_of(settings), names=names_of(settings))
    returned = Counter[str]()
    for one in payments_of(read_register(settings)).attempts.values():
        returned[one.ordered.artist_id] += one.returned_cents
    expected.subtract(returned)
    assert owed_to_artists(entries) == +expected


def test_without_a_siren_the_name_lacks_it(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nameless = settings.model_copy(update={"payer_siren": None})
    assert accounts.write_month(nameless, "2020-10", target=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["FEC20201031.txt"]
    assert "ALLIVE_PAYER_SIREN is not set" in " ".join(capsys.readouterr().out.split())


def test_what_is_owed_by_quarter_is_shown(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accounts.write_year(settings, 2020, target=tmp_path)
    said = capsys.readouterr().out
    withheld = Counter[str]()
    for line in (line for path in settings.payouts_dir.glob("2020-*/withholdings.csv") for line in read_rows(path)):
        withheld[line["name"]] += int(line["withheld_cents"])
    (shown,) = (line for line in said.splitlines() if line.startswith("2020-T4") and "437810" in line)
    assert shown.split() == ["2020-T4", "CRDS", "Urssaf", "437810", f"{withheld['CRDS'] / 100:.2f}"]


def test_a_year_of_payments_alone_has_books(settings: Settings, tmp_path: Path) -> None:
    home = shutil.copytree(settings.home, tmp_path / "home")
    later = settings.model_copy(update={"home": home})
    (month, *_) = (one.ordered.settlement_month for one in payments_of(read_register(later)).attempts.values())
    actions.mark_executed(later, month, artists=(), booked_on=date(2023, 1, 5), why="its statement", operator="ana")
    assert accounts.write_year(later, 2023, target=tmp_path / "books")
    rows = read_back(tmp_path / "books" / f"{SIREN}FEC20231231.txt")
    assert {row.account for row in rows} == {"467100", "512000"}
    assert {row.day for row in rows} == {date(2023, 1, 5)}


def test_a_month_or_year_that_is_not_closed_has_no_books(settings: Settings, tmp_path: Path) -> None:
    assert not accounts.write_month(settings, "2021-03", target=tmp_path)
    assert not accounts.write_year(settings, 2022, target=tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("of_accounts", "complaint"),
    [({"bnak": "512000 Banque"}, "Found the accounts bnak"), ({"withheld:CSG": "43"}, "Found the account number '43'")],
)
def test_a_wrong_account_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str], of_accounts: dict[str, str], complaint: str
) -> None:
    wrong = settings.model_copy(update={"accounts": of_accounts})
    assert not accounts.write_month(wrong, "2020-10", target=None)
    assert complaint in " ".join(capsys.readouterr().err.split())
