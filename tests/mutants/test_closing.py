"""Tests what refuses a close and what a run pays, on marts written by hand, without a build (RULES.md §4, §6)."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.batches import HeldBatch, HeldFile
from allive.ingestion.reports import BatchReport
from allive.ingestion.settings import Settings
from allive.payouts import closing, ledger, preconditions, requests
from allive.payouts.close_orders import CloseOrder, order_close
from allive.payouts.close_warnings import CloseWarning, acknowledgement
from allive.payouts.closed_month.findings import Check, Finding
from allive.payouts.errors import Refusal
from allive.payouts.run import compute_run
from allive.payouts.settlement import ArtistMonth, Settlement
from allive.payouts.verification.proving import Proof
from allive.payouts.warehouse_mark import note_mark

MARTS = """
    create schema marts; create schema booked; create schema build; create schema raw;
    create table build.finished as select 1 as built;
    create table build.begun as select 'tests' as token;
    create table raw.rejects (
        record_type varchar, source_file varchar, source_line bigint, reason varchar, raw varchar, device varchar,
        app_version varchar, file_hash varchar, batch_number bigint
    );
    create table marts.fct_close_warnings (
        settlement_month varchar, kind varchar, subject_id varchar, found bigint, among bigint, batch_number bigint
    );
    create table marts.fct_player_health (day date, device varchar, app_version varchar, heartbeats bigint);
    create table booked.months (settlement_month varchar, catalogue varchar, is_in_look_back boolean);
    create table raw.pins (table_name varchar, version bigint);
    create table marts.fct_settlement_months as
        select
            month as settlement_month, false as is_in_look_back, cast(null as varchar) as catalogue,
            0 as unbooked_periods, 1 as periods, 0 as idle_periods, 1000000000 as envelope_nanos,
            1000000000 as direct_nanos, 0 as pool_nanos, 0 as open_periods, 0 as open_envelope_nanos,
            date '2015-01-01' as policy_valid_from, 499 as price_cents, 100 as envelope_cents,
            1800 as minimum_live_s, 1000 as minimum_pool_share_bp, 1000 as minimum_payout_cents,
            3 as look_back_months, 7 as payment_delay_days, 'equal' as pool_rule
        from (values ('2021-01'), ('2021-02'), ('2021-03')) as months(month);
    create table marts.fct_artist_months as
        select
            settlement_month, 'a' as artist_id, 'emerging' as category, true as is_pool_member,
            1 as current_watch_ms, 1 as current_paying_subscribers, 1000000000 as current_direct_nanos,
            0 as current_pool_nanos, 1000000000 as current_earned_nanos, 100 as current_earned_cents
        from marts.fct_settlement_months;
    create table marts.dim_payees (
        artist_id varchar, artist_name varchar, iban varchar, bic varchar,
        iban_first_seen_at timestamptz, is_first_iban boolean, left_on date,
        street varchar, postcode varchar, town varchar, country varchar, legal_name varchar, account_holder varchar,
        siren varchar, vat_id varchar, tax_country varchar, contact_email varchar, has_other_iban boolean,
        iban_is_undated boolean
    );
    create table marts.fct_close_blockers as
        select '2021-02' as settlement_month, 'live_without_credits' as reason, 'l' as subject_id, 0 as found;
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, pseudonym_key="tests")
    settings.warehouse_path.parent.mkdir(parents=True)
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(MARTS)
    note_mark(settings, "tests")
    return settings


def close_by_hand(settings: Settings, month: str) -> None:
    """Make a closed month that has only a manifest and balances."""
    folder = ledger.month_dir(settings, month)
    folder.mkdir(parents=True)
    manifest = {"settlement_month": month, "run_hash": "1" * 64, "previous_run_hash": "0" * 64, "files": {}}
    (folder / ledger.MANIFEST_FILE).write_text(json.dumps(manifest))
    (folder / ledger.CONTROL_FILE).write_text(
        '{"adjustments": {}, "amendments": [], "balance_entries": [], "raw_versions": {}}'
    )
    (folder / ledger.PAYOUTS_FILE).write_text("artist_id,carried_forward_cents\na,950\nb,0\nc,-3\n")
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("insert into booked.months values ($month, $month, true)", {"month": month})
    note_mark(settings, "tests")


def answer_to_a_close(settings: Settings, *, order_id: str) -> tuple[str, ...]:
    """Return the reasons of the refusal, or describe any other outcome so that an assertion shows it."""
    try:
        closing.close_month(settings, "2021-01", order_id=order_id)
    except Refusal as refusal:
        return refusal.reasons
    except Exception as error:  # noqa: BLE001 - any other error is not a refusal
        return f"no refusal: {type(error).__name__}", str(error)
    return "it closed", ""


def hold(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    report = BatchReport("b-1", 1, "heartbeats", 1, 1, 0, 1, "held", (), (), 0)
    file = HeldFile("heartbeats/a.ndjson", "hash", 1, 0, day, day, ("reject_share",))
    held = HeldBatch(report, (file,), "2021-04-01T00:00:00+00:00")
    monkeypatch.setattr("allive.payouts.closing.list_held", lambda _: (held,))


def test_a_blocker_refuses_its_month_and_no_other(settings: Settings) -> None:
    assert refusals(settings, "2021-01") == ()
    close_by_hand(settings, "2021-01")
    reasons = refusals(settings, "2021-02")
    assert [reason.partition(":")[0] for reason in reasons] == ["live_without_credits"]


def test_the_first_run_may_not_skip_periods(settings: Settings) -> None:
    assert refusals(settings, "2021-01") == ()
    assert "close 2021-01 first" in " ".join(refusals(settings, "2021-03"))


def test_months_close_in_order_and_once(settings: Settings) -> None:
    close_by_hand(settings, "2021-01")
    now = datetime(2021, 6, 1, tzinfo=UTC)
    assert preconditions.calendar_refusals(settings, "2021-02", now=now) == []
    assert len(preconditions.calendar_refusals(settings, "2021-03", now=now)) == 1
    assert len(preconditions.calendar_refusals(settings, "2020-12", now=now)) == 1
    assert "closed already" in " ".join(preconditions.calendar_refusals(settings, "2021-01", now=now))


def test_a_month_closes_when_it_is_over(settings: Settings) -> None:
    assert preconditions.calendar_refusals(settings, "2021-01", now=datetime(2021, 1, 31, 23, tzinfo=UTC)) == []
    assert len(preconditions.calendar_refusals(settings, "2021-01", now=datetime(2021, 1, 31, 22, 59, tzinfo=UTC))) == 1


def test_a_held_batch_refuses_the_months_it_touches(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(monkeypatch, date(2021, 2, 1))
    assert refusals(settings, "2021-01") == ()
    hold(monkeypatch, date(2021, 1, 31))
    assert "Batch b-1 (heartbeats) is held" in " ".join(refusals(settings, "2021-01"))


def test_a_warehouse_from_before_the_last_close_is_refused(settings: Settings) -> None:
    close_by_hand(settings, "2021-01")
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("delete from booked.months")
    note_mark(settings, "tests")
    assert "not been fully built since the last close" in " ".join(refusals(settings, "2021-02"))


def test_a_warehouse_that_means_another_look_back_is_refused(settings: Settings) -> None:
    close_by_hand(settings, "2021-01")
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("update booked.months set is_in_look_back = false")
    note_mark(settings, "tests")
    assert "not been fully built since the last close" in " ".join(refusals(settings, "2021-02"))


def test_an_amendment_that_the_run_does_not_reach_refuses_it(settings: Settings, tmp_path: Path) -> None:
    close_by_hand(settings, "2021-01")
    settings = settings.with_project(tmp_path)
    settings.policies_path.parent.mkdir()
    settings.policies_path.write_text("valid_from,look_back_months\n2015-01-01,3\n")
    requests.amend(settings, "2021-01", why="wrong credits", operator="zoe")
    settings.policies_path.write_text("valid_from,look_back_months\n2015-01-01,3\n2021-02-28,0\n")
    (reason,) = refusals(settings, "2021-02")
    assert "The amendment of 2021-01 that zoe asked for" in reason
    assert "adjusts no earlier month" in reason


def test_a_warehouse_that_something_else_wrote_to_is_refused(settings: Settings) -> None:
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute("update marts.fct_artist_months set current_earned_cents = 99")
    assert "not as the project left it" in " ".join(refusals(settings, "2021-01"))


def test_a_warehouse_in_the_place_of_another_is_refused(settings: Settings) -> None:
    """The note matches this file's header, but has another build's token."""
    note_mark(settings, "of another build")
    assert "not as the project left it" in " ".join(refusals(settings, "2021-01"))


def test_a_file_that_could_not_be_read_refuses_while_it_lies_there_as_it_was(settings: Settings) -> None:
    broken = settings.landing_dir / "lives" / "l.csv.gz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"cut")
    values = ["lives/l.csv.gz", "gzip data is cut", hashlib.sha256(b"cut").hexdigest()]
    with duckdb.connect(settings.warehouse_path) as con:
        con.execute(
            "insert into raw.rejects (source_file, reason, raw, file_hash, batch_number) "
            "values (?, 'unreadable', ?, ?, 1)",
            values,
        )
    note_mark(settings, "tests")
    assert "lives/l.csv.gz could not be read" in " ".join(refusals(settings, "2021-01"))
    broken.write_bytes(b"whole")
    assert refusals(settings, "2021-01") == ()


@pytest.mark.parametrize("acknowledged", [None, "00000000", ""])
def test_open_warnings_want_their_own_code(acknowledged: str | None) -> None:
    warnings = (CloseWarning("day_unusual", "2021-01-03", "1.5 h watched"),)
    order = CloseOrder("1" * 64, "2021-01", "ana", "command", acknowledged, "2021-02-03T06:00:00+00:00", None)
    code = acknowledgement("2021-01", warnings)
    assert f"--acknowledge {code}" in " ".join(closing._unacknowledged(warnings, order))
    assert closing._unacknowledged(warnings, replace(order, acknowledged=code)) == []
    assert closing._unacknowledged((), order) == []


def test_a_close_without_an_order_is_refused_before_anything_is_computed(settings: Settings) -> None:
    assert "Nothing closes without it" in " ".join(answer_to_a_close(settings, order_id="0" * 64))
    assert not ledger.month_dir(settings, "2021-01").exists()


def test_a_difference_in_the_second_computation_refuses_and_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding(Check.AMOUNTS, "2021-01/artist_payouts.csv", "artist 'a', earned_cents", "101", "100")
    monkeypatch.setattr("allive.payouts.verification.proving.prove_run", lambda *_, **__: Proof((finding,), (), 1))
    monkeypatch.setattr("allive.payouts.files.write_data", lambda folder, *_, **__: (folder / "data.csv").touch())
    order = order_close(settings, "2021-01", operator="ana", origin="command")
    first, causes = answer_to_a_close(settings, order_id=order.order_id)
    assert first == ("2021-01/artist_payouts.csv, artist 'a', earned_cents: the warehouse gives 101, the records 100.")
    assert causes.index("changed by hand") < causes.index("restored in part") < causes.index("defect")
    assert not [path for path in settings.payouts_dir.iterdir() if path.is_dir()]


def test_the_last_closed_month_leaves_its_balances_and_debts(settings: Settings) -> None:
    assert ledger.balances(settings) == {}
    close_by_hand(settings, "2021-01")
    assert ledger.balances(settings) == {"a": 950, "c": -3}


def test_a_balance_is_brought_forward_and_paid_with_what_was_earned() -> None:
    earned = {"a": 100, "b": 100, "left_over": 0}
    settlement = Settlement(
        settlement_month="2021-02",
        totals={
            "periods": 2, "idle_periods": 0, "envelope_nanos": 2_000_000_000, "direct_nanos": 2_000_000_000,
            "pool_nanos": 0, "open_periods": 0, "open_envelope_nanos": 0,
        },
        policy={"minimum_payout_cents": 1000, "payment_delay_days": 7},
        pool_members=(),
        artists=tuple(
            ArtistMonth(artist_id, "emerging", False, 0, 0, cents * 10_000_000, 0, cents * 10_000_000, cents)
            for artist_id, cents in earned.items()
        ),
        payees={},
        blockers=(),
        raw_versions={},
    )  # fmt: skip
    run = compute_run(settlement, brought_forward={"a": 950, "gone": -3})
    assert {line.artist_id: (line.brought_forward_cents, line.carry_reason) for line in run.lines} == {
        "a": (950, "no_iban"),  # 1,050 reaches the minimum; 100 or 950 alone does not
        "b": (0, "below_minimum"),
        "gone": (-3, "negative"),
    }
    assert {line.artist_id: line.carried_forward_cents for line in run.lines} == {"a": 1050, "b": 100, "gone": -3}


def refusals(settings: Settings, month: str) -> tuple[str, ...]:
    """Every reason in the warehouse why the month cannot close now."""
    try:
        closing.settle_month(settings, month)
    except Refusal as refusal:
        return refusal.reasons
    return ()
