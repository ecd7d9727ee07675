"""Booked periods, recognised by id or pseudonym: exactly those of the oracle, and none under another key."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb
import pytest

import allive.ingestion.load
from allive.ingestion.load import load_new_files
from allive.ingestion.settings import Settings
from allive.payouts import booked_periods
from allive.payouts.booked_periods import UnknownBookingsError
from allive.payouts.bookings import create_booking_views
from allive.payouts.pseudonyms import PseudonymKeyError
from tests.closed_chain import Chain, reseal, small_season, write_slices
from tests.oracle import read_landing
from tests.oracle.settlement import months_later
from tests.worlds import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[0, 2, 9], ids=["format 2", "both formats", "format 1"])
def closed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Chain]:
    """Four months of a world that is loaded only after they are closed; some are settled again. Read only."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), threads=1)
    chain = Chain(settings.payouts_dir, of_format_1=request.param)
    world = World.random(1)
    for month in world.deliver_by_month(settings.landing_dir, late=0.4):
        chain.close(month, read_landing(settings.landing_dir))
    chain.close(months_later(world.months[-1], 1), read_landing(settings.landing_dir))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allive.ingestion.load, "validate", lambda *_: ())
        load_new_files(settings, "subscriptions")
    return settings, chain


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def booked(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return con.execute("select period_id, settlement_month from booked.periods order by all").fetchall()


def booked_by(chain: Chain, months: list[str]) -> dict[str, str]:
    """The periods that the runs of these months booked, in their own month or in one that they settled again."""
    runs = [chain.history.runs[month] for month in months]
    return {
        period_id: month
        for run in runs
        for month, settlement in {run.month: run.settlement, **run.resettled}.items()
        for period_id in settlement.periods
        if month in months
    }


def test_they_are_the_oracles(closed: tuple[Settings, Chain], con: duckdb.DuckDBPyConnection) -> None:
    settings, chain = closed
    create_booking_views(con, settings)
    assert booked(con) == sorted(chain.history.booked_periods.items())
    assert any((chain.payouts / month / "resettled").exists() for month in chain.months)


def test_a_file_is_read_once(
    closed: tuple[Settings, Chain], con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = closed
    create_booking_views(con, settings)
    expected = booked(con)
    monkeypatch.setattr(booked_periods, "_add", lambda *_: pytest.fail("the files are read again"))
    create_booking_views(con, settings)
    assert booked(con) == expected


def test_they_follow_the_months_one_by_one(
    closed: tuple[Settings, Chain], con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each month's build adds its files; months that are gone, as after a restore, take everything with them."""
    settings, chain = closed
    for months in [*(chain.months[:number] for number in range(len(chain.months) + 1)), chain.months[:2]]:
        monkeypatch.setattr("allive.payouts.ledger.closed_months", lambda _, months=months: tuple(months))
        create_booking_views(con, settings)
        found = booked(con)
        assert found == sorted(booked_by(chain, months).items())
        with duckdb.connect() as fresh:
            create_booking_views(fresh, settings)
            assert found == booked(fresh)


@pytest.mark.parametrize("key", ["another", ""])
def test_no_period_is_looked_for_under_another_key(
    closed: tuple[Settings, Chain], con: duckdb.DuckDBPyConnection, key: str
) -> None:
    settings, chain = closed
    other = Settings(home=settings.home, pseudonym_key=key)
    if chain.of_format_1 == 9:
        create_booking_views(con, other)
        return
    with pytest.raises(PseudonymKeyError):
        create_booking_views(con, other)
    assert not con.execute("select 1 from information_schema.tables where table_name = 'booked_periods'").fetchall()


def test_a_period_that_nobody_recognises_stops_the_build(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    """A check value can be forged, but not a match: the month's pseudonyms are not of its key, or raw/ is not whole."""
    settings = Settings(home=tmp_path)
    chain = Chain(settings.payouts_dir)
    ((month, data),) = small_season(Random(1), months=1)
    chain.close(month, data)
    with pytest.raises(UnknownBookingsError, match=rf"periods that are booked in {month} are not there under any id"):
        create_booking_views(con, settings)
    write_slices(chain.payouts / month / "slices.parquet", chain.history.runs[month].settlement, key="another")
    reseal(chain.payouts, documents=False)
    with pytest.raises(UnknownBookingsError):
        create_booking_views(con, settings)
    assert con.execute("select count(*) from build.booked_periods").fetchone() == (0,)
    assert con.execute("select count(*) from build.booked_files").fetchone() == (0,)
