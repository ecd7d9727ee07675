"""The look-back comes from the policy in force on the last day of the next run's month (RULES.md §6)."""

import json
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allive.ingestion.settings import Settings
from allive.payouts import ledger, requests
from allive.payouts.bookings import create_booking_views
from allive.payouts.errors import Refusal
from allive.payouts.look_back import look_back_of_next_run
from allive.payouts.run import Adjustment, PayoutLine

MONTHS = ("2020-11", "2020-12", "2021-01", "2021-02")
"""The closed months; the next run is March's."""
CLOSED_UNDER = {
    "policy_valid_from": "2015-01-01",
    "price_cents": 499,
    "envelope_cents": 100,
    "minimum_live_s": 1_800,
    "minimum_pool_share_bp": 1_000,
    "minimum_payout_cents": 1_000,
    "look_back_months": 2,
    "payment_delay_days": 7,
    "pool_rule": "equal",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home").with_project(tmp_path / "project")
    settings.policies_path.parent.mkdir(parents=True)
    for month in MONTHS:
        folder = ledger.month_dir(settings, month)
        folder.mkdir(parents=True)
        # The policy that the months closed under does not matter.
        content = {"policy": CLOSED_UNDER, "adjustments": {}, "amendments": [], "raw_versions": {}}
        (folder / ledger.CONTROL_FILE).write_text(json.dumps(content))
        pq.write_table(pa.table({"period_id": [month]}), folder / ledger.SLICES_FILE)
        manifest = {"settlement_month": month, "run_hash": "", "previous_run_hash": "", "files": {}}
        manifest["files"] = {ledger.SLICES_FILE: sha256((folder / ledger.SLICES_FILE).read_bytes()).hexdigest()}
        (folder / ledger.MANIFEST_FILE).write_text(json.dumps(manifest))
        for name, line in ((ledger.PAYOUTS_FILE, PayoutLine), (ledger.ADJUSTMENTS_FILE, Adjustment)):
            (folder / name).write_text(",".join(field.name for field in fields(line)) + "\n")
    return settings


def state(settings: Settings, *rows: tuple[str, int]) -> None:
    """Write the policy's history: rows of first day and look-back months."""
    lines = "".join(f"{valid_from},{months}\n" for valid_from, months in rows)
    settings.policies_path.write_text(f"valid_from,look_back_months\n{lines}", encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("2015-01-01", 3)], MONTHS[1:], id="three months"),
        pytest.param([("2015-01-01", 0)], (), id="none"),
        pytest.param([("2015-01-01", 9)], MONTHS, id="more months than are closed"),
        pytest.param([("2015-01-01", 3), ("2021-03-31", 1)], MONTHS[3:], id="shortened on the next month's last day"),
        pytest.param([("2015-01-01", 3), ("2021-04-01", 1)], MONTHS[1:], id="shortened after it"),
        pytest.param([("2021-03-01", 4), ("2015-01-01", 1)], MONTHS, id="lengthened, in any order of rows"),
    ],
)
def test_the_look_back_is_that_of_the_next_runs_policy(
    settings: Settings, rows: list[tuple[str, int]], expected: tuple[str, ...]
) -> None:
    state(settings, *rows)
    assert look_back_of_next_run(settings) == expected
    assert booked_look_back(settings) == expected
    for month in MONTHS:
        if month in expected:
            requests.amend(settings, month, why="-", operator="zoe")
        else:
            with pytest.raises(Refusal, match=f"{month} cannot be amended: It is final: the next run, 2021-03,"):
                requests.amend(settings, month, why="-", operator="zoe")
    assert tuple(requests.pending_amendments(settings)) == expected
    assert requests.amendment_refusals(settings) == []


def booked_look_back(settings: Settings) -> tuple[str, ...]:
    """The look-back months as the warehouse reads them."""
    with duckdb.connect() as con:
        create_booking_views(con, settings)
        query = "select settlement_month from booked.months where is_in_look_back order by settlement_month"
        rows = con.execute(query).fetchall()
    return tuple(month for (month,) in rows)


def test_an_amendment_that_the_policy_no_longer_reaches_refuses_the_close(settings: Settings) -> None:
    state(settings, ("2015-01-01", 3))
    for month in ("2020-12", "2021-02"):
        requests.amend(settings, month, why="wrong credits", operator="zoe")
    state(settings, ("2015-01-01", 3), ("2021-03-01", 1))

    (reason,) = requests.amendment_refusals(settings)

    assert reason.startswith("The amendment of 2020-12 that zoe asked for on 20")
    assert "('wrong credits') waits for this run, which adjusts 2021-02 and later" in reason
    assert "`allive amend 2020-12 --withdraw --why …`" in reason
    requests.withdraw_amendment(settings, "2020-12", why="too late", operator="zoe")
    assert requests.amendment_refusals(settings) == []
    assert list(requests.pending_amendments(settings)) == ["2021-02"]


def test_before_the_first_run_there_is_none(tmp_path: Path) -> None:
    assert look_back_of_next_run(Settings(home=tmp_path)) == ()


def test_a_month_without_a_policy_is_refused_with_what_to_do(settings: Settings) -> None:
    state(settings, ("2021-04-01", 3))
    with pytest.raises(Refusal, match=r"in force on its last day, 2021-03-31; expected a row of policies\.csv"):
        look_back_of_next_run(settings)


def test_the_data_home_cannot_name_another_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Settings(home=tmp_path).policies_path
    (tmp_path / "allive.env").write_text("ALLIVE_DBT_PROJECT_DIR=/other\nALLIVE__DBT_PROJECT_DIR=/other\n")
    monkeypatch.setenv("ALLIVE_DBT_PROJECT_DIR", "/other")
    monkeypatch.setenv("ALLIVE__DBT_PROJECT_DIR", "/other")
    assert Settings(home=tmp_path).policies_path == own
    assert own.parts[-3:] == ("dbt_project", "seeds", "policies.csv")
