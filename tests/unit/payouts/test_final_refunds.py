"""The refunds of final months that a run bears: between the records that two runs pinned (RULES.md §6)."""

from random import Random
from typing import Any

import polars as pl
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.verification import final_refunds
from allive.payouts.verification.final_refunds import GoneError, refunds_of_final_months
from tests.closed_chain import Chain, small_season
from tests.oracle.pseudonyms import KEY

FINAL, IN_REACH = "per-0-0", "per-3-0"
"""Periods of October and January. The run of February settles November to January again."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    chain = Chain(home / "payouts")
    for version, (month, data) in enumerate(small_season(Random(3), months=5)):
        chain.raw_versions = {"subscriptions": version}
        chain.close(month, data)
    return Settings(home=home, pseudonym_key=KEY)


def pinned(monkeypatch: pytest.MonkeyPatch, *, before: dict[str, Any], now: dict[str, Any], period: str) -> None:
    """Let the runs of January and February pin two records of one period, and nothing else."""

    def latest(_settings: Settings, _table: str, version: int | None, *, key: list[str]) -> pl.DataFrame:
        assert key == ["period_id"]
        assert version in {3, 4}
        record = {"status": "paid", "price_cents": 999, "envelope_cents": 600, "refunded_cents": None}
        record |= before if version == 3 else now
        schema = {"period_id": pl.String, "status": pl.String} | dict.fromkeys([*record][1:], pl.Int64)
        return pl.DataFrame([{"period_id": period} | record], schema=schema)

    monkeypatch.setattr(final_refunds, "latest", latest)


@pytest.mark.parametrize(
    ("before", "now", "cents"),
    [
        ({}, {}, 0),
        ({}, {"status": "refunded"}, 600),
        # 499 are left of the price, so 101 of the envelope are refunded.
        ({}, {"refunded_cents": 500}, 101),
        ({"refunded_cents": 500}, {"status": "refunded"}, 499),
        ({"refunded_cents": 500}, {"refunded_cents": 500}, 0),
        ({"status": "refunded"}, {}, -600),
        ({"envelope_cents": None}, {"envelope_cents": None, "status": "refunded"}, 100),  # the policy's envelope
    ],
)
def test_a_run_bears_what_was_refunded_since_the_run_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, before: dict[str, Any], now: dict[str, Any], cents: int
) -> None:
    pinned(monkeypatch, before=before, now=now, period=FINAL)
    assert refunds_of_final_months(settings, "2021-02") == cents


def test_refunds_that_a_run_adjusts_are_not_borne(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned(monkeypatch, before={}, now={"status": "refunded"}, period=IN_REACH)
    assert refunds_of_final_months(settings, "2021-02") == 0


def test_a_period_that_was_never_booked_is_not_borne(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned(monkeypatch, before={}, now={"status": "refunded"}, period="per-unknown")
    assert refunds_of_final_months(settings, "2021-02") == 0


def test_the_first_run_bears_none(settings: Settings) -> None:
    assert refunds_of_final_months(settings, "2020-10") == 0


def test_it_is_not_known_without_the_records(settings: Settings) -> None:
    with pytest.raises(GoneError):
        refunds_of_final_months(settings, "2021-02")
