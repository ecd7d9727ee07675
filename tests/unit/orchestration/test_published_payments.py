"""The tables of payments in the serving copy: they say what the register says, and name no account in full."""

from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
import pytest

from allive.dashboards.access import Principal, Role
from allive.dashboards.queries.management import payments as queries
from allive.dashboards.serving import ServingCopy, current_copy
from allive.ingestion.settings import Settings
from allive.orchestration.commands import payments as commands
from allive.orchestration.publishing import CURRENT, refresh_payments
from allive.orchestration.publishing.payments import (
    Balance,
    Hold,
    IbanSetAside,
    PaidOtherwise,
    Payment,
    RegisterRead,
    UnmatchedMovement,
    publish_payments,
)
from allive.orchestration.serving_copy import state_of_copy
from allive.payouts.payments import actions
from allive.payouts.payments.state import PaymentState
from tests.payment_world.bank import Bank
from tests.payment_world.world import IBANS, SAYS, World
from tests.unit.dashboards.serving_copies import TABLES, write_home

FINANCE = Principal("local", "f", "Fanny", Role.FINANCE)
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
TABLES_OF_PAYMENTS = {
    "payments": Payment,
    "payment_holds": Hold,
    "ibans_set_aside": IbanSetAside,
    "payments_otherwise": PaidOtherwise,
    "unmatched_movements": UnmatchedMovement,
    "open_balances": Balance,
    "payments_register": RegisterRead,
}


def world_of(home: Path, seed: int, *, steps: int = 120) -> World:
    """A world with a history."""
    rng = Random(seed)
    world = World(home, rng, Bank(rng), rng.choice((None, 2)))
    for _ in range(steps):
        world.step()
    return world


def publish_copy(world: World, *, ibans: dict[str, str] | None = None) -> Path:
    """Put a new copy in service that knows the closed months and their payments."""
    write_home(
        world.home,
        dim_artists=[{"artist_id": artist, "artist_name": artist.title()} for artist in IBANS],
        closed_months=[{"settlement_month": month} for month in world.months],
    )
    path = (world.home / "serving" / CURRENT).resolve()
    with duckdb.connect(path) as con:
        con.execute("set TimeZone = 'UTC'")
        publish_payments(con, world.settings, ibans=ibans, now=AT)
    return path


def copy_of(world: World, *, ibans: dict[str, str] | None = None) -> ServingCopy:
    """Return a new copy as the dashboards read it."""
    publish_copy(world, ibans=ibans)
    return current_copy(Settings(home=world.home))


def test_a_handwritten_copy_has_the_columns_of_a_published_one() -> None:
    for table, row_type in TABLES_OF_PAYMENTS.items():
        assert TABLES[f"published.{table}"].split(", ") == [field.name for field in fields(row_type)], table


@pytest.mark.parametrize("seed", range(6))
def test_totals_are_the_registers_and_the_books(tmp_path: Path, seed: int) -> None:
    world = world_of(tmp_path, seed)
    copy = copy_of(world)
    totals = {row["state"]: row["cents"] for row in queries.totals(FINANCE, copy)}
    # The books of the world: every cent that a close decided to pay has one outcome.
    assert sum(totals.values()) == world.paid.total()
    balances = {row["artist_id"]: row["balance_cents"] for row in queries.open_balances(FINANCE, copy)}
    assert balances == {artist: world.balance(artist) for artist in IBANS if world.balance(artist)}
    # The register: what the bank executed and what came back of it.
    attempts = world.payments.attempts.values()
    back = sum(one.returned_cents for one in attempts)
    gone = [one for one in attempts if one.executed or one.returns]
    assert totals.get("executed", 0) == sum(one.ordered.cents for one in gone) - back
    assert totals.get("returned", 0) == back
    months = [queries.totals(FINANCE, copy, month) for month in queries.payment_months(FINANCE, copy)]
    by_month = Counter[str]()
    for month in months:
        by_month.update({row["state"]: row["cents"] for row in month})
    assert by_month == Counter(totals)
    assert {row["artist_id"] for row in queries.holds(FINANCE, copy)} == world.held
    assert {row["artist_id"] for row in queries.ibans_set_aside(FINANCE, copy)} == world.set_aside
    assert sum(row["paid_cents"] for row in queries.paid_otherwise(FINANCE, copy)) == world.otherwise.total()
    assert len(queries.unmatched_movements(FINANCE, copy)) == len(world.payments.unmatched)


@pytest.mark.parametrize("seed", range(3))
def test_whoever_waits_has_something_to_wait_for(tmp_path: Path, seed: int) -> None:
    world = world_of(tmp_path, seed)
    for row in queries.payments(FINANCE, copy_of(world, ibans={})):
        state = row["state"]
        if state == PaymentState.ORDERED:
            assert row["waits_for"] == "bank"
        elif state in {PaymentState.EXECUTED, PaymentState.REORDERED}:
            assert row["waits_for"] is None
        elif state in {PaymentState.CANCELLED, "unordered"}:
            # Nobody's record bears the account: a new one has arrived, and Allive has to act.
            assert row["waits_for"] == "allive"
        elif row["waits_for"] is not None:
            assert world.balance(row["artist_id"]) > 0
            assert row["waits_for"] == ("allive" if row["artist_id"] in world.held else "close")
    for row in queries.payments(FINANCE, copy_of(world, ibans=IBANS)):
        if row["waits_for"] == "artist":
            assert row["artist_id"] in world.set_aside - world.held


def test_no_account_is_named_in_full(tmp_path: Path) -> None:
    world = world_of(tmp_path, 1)
    held = next(artist for artist in IBANS if artist not in world.held)
    actions.hold(world.settings, held, why=f"asks for {IBANS[held][:4]} {IBANS[held][4:]}", operator="zoe")
    copy = copy_of(world, ibans=IBANS)
    assert queries.ibans_set_aside(FINANCE, copy)
    for table in TABLES_OF_PAYMENTS:
        text = str([dict(row) for row in copy.rows(f"select * from published.{table}")]).replace(" ", "")
        assert not [iban for iban in IBANS.values() if iban in text], table


def test_the_age_of_a_balance_counts_the_runs_that_carried_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, 4, steps=0)
    for _ in range(3):
        world.close()
    carried = {artist: world.balance(artist) for artist in IBANS if world.balance(artist)}
    rows = {row["artist_id"]: row for row in queries.open_balances(FINANCE, copy_of(world))}
    assert rows.keys() == carried.keys()
    for artist, row in rows.items():
        # By hand from the months' own lines: back to the last month that carried nothing.
        runs = 0
        for month in reversed(world.months):
            lines = (world.settings.payouts_dir / month / "artist_payouts.csv").read_text().splitlines()
            head = lines[0].split(",").index("carried_forward_cents")
            (line,) = [one.split(",") for one in lines[1:] if one.split(",")[1] == artist]
            if int(line[head]) <= 0:
                break
            runs += 1
        assert (row["runs"], row["carried_since"]) == (runs, world.months[-runs]), artist


def test_a_command_refreshes_the_payments_and_nothing_else(tmp_path: Path) -> None:
    world = world_of(tmp_path, 2)
    before = publish_copy(world)
    assert refresh_payments(world.settings) is False
    artist = next(one for one in IBANS if one not in world.held)
    actions.hold(world.settings, artist, **SAYS)
    assert refresh_payments(world.settings) is True
    after = (world.home / "serving" / CURRENT).resolve()
    assert after != before
    assert refresh_payments(world.settings) is False
    with duckdb.connect(after, read_only=True) as con:
        held = {artist for (artist,) in con.execute("select artist_id from published.payment_holds").fetchall()}
        assert held == world.held | {artist}
        con.execute(f"attach '{before}' as earlier (read_only)")
        for table in TABLES:
            name = table.partition(".")[2]
            if name in TABLES_OF_PAYMENTS or name == "copy":
                continue
            assert con.execute(f"(from {table} except from earlier.{table})").fetchall() == [], table
        columns = "published_at, data_until_at"
        same = con.execute(
            f"select (select ({columns}) from published.copy) = (select ({columns}) from earlier.published.copy)"
        )
        assert same.fetchone() == (True,), "the data are as old as before"
        # The next run publishes again: what other policies would pay depends on balances, too.
        assert con.execute(
            "select inputs from published.copy where inputs not in (select inputs from earlier.published.copy)"
        ).fetchall()
        comment = "select comment from duckdb_tables() where table_name = 'payments' and database_name <> 'earlier'"
        assert con.execute(comment).fetchall()[0][0].startswith("Grain: ")


def test_without_a_copy_there_is_nothing_to_refresh(tmp_path: Path) -> None:
    assert refresh_payments(Settings(home=tmp_path)) is False


def test_the_commands_bring_the_pages_up_to_date(tmp_path: Path) -> None:
    world = world_of(tmp_path, 2, steps=0)
    publish_copy(world)
    state = state_of_copy(world.settings, inputs="a" * 64)
    assert commands.hold(world.settings, "anna", why="an heir has written")
    holds = queries.holds(FINANCE, current_copy(Settings(home=world.home)))
    assert [(row["artist_id"], row["why"]) for row in holds] == [("anna", "an heir has written")]
    # A run that finds nothing else new publishes this, too.
    assert state_of_copy(world.settings, inputs="a" * 64) != state


def test_a_copy_that_cannot_be_read_keeps_no_fact_off_the_register(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_of(tmp_path, 2, steps=0)
    path = publish_copy(world)
    path.write_bytes(b"not a database")
    assert commands.hold(world.settings, "anna", why="an heir has written")
    assert "anna" in world.payments.holds
    assert "allive run" in "".join(capsys.readouterr())
