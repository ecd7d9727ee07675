"""Open warnings of a run: their wording, and the code that acknowledges exactly these warnings."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from allive.ingestion.settings import Settings
from allive.payouts.balances import Payee
from allive.payouts.close_warnings import KINDS, CloseWarning, acknowledgement, in_words, open_warnings
from allive.payouts.run import ClosedRun, PayoutLine

MONTH = "2021-02"
SHARED, OTHER = "FR7630006000011234567890189", "FR7630001007941234567890185"


def line(artist_id: str, *, paid_cents: int) -> PayoutLine:
    return PayoutLine(
        MONTH, artist_id, artist_id.upper(), "emerging", 1, 1, 0, 0, 0, paid_cents, 0, 0, paid_cents, 0, None
    )


def run_of(lines: tuple[PayoutLine, ...] = (), *payees: Payee) -> ClosedRun:
    return ClosedRun(MONTH, lines, (), (), {}, {payee.artist_id: payee for payee in payees})


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        """
        create schema marts; create schema raw;
        create table marts.fct_close_warnings (
            settlement_month varchar, kind varchar, subject_id varchar, found bigint, among bigint, batch_number bigint
        );
        create table marts.fct_player_health (day date, device varchar, app_version varchar, heartbeats bigint);
        create table raw.rejects (
            record_type varchar, source_file varchar, reason varchar, source_line bigint, device varchar,
            app_version varchar, batch_number bigint, raw varchar
        );
        """
    )
    return con


def texts(warnings: tuple[CloseWarning, ...]) -> list[tuple[str, str]]:
    return [(one.kind, str(one)) for one in warnings]


def test_what_the_warehouse_finds_odd_is_named_in_words(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        insert into marts.fct_close_warnings values
            ('2021-02', 'day_unusual', '2021-02-03', 5400000, null, null),
            ('2021-02', 'live_unknown', 'live-x', 360000000, null, null),
            ('2021-03', 'live_unknown', 'live-y', 1, null, null),
            ('2021-02', 'refund_of_final_month', 'per-1', 100, null, 7);
        insert into raw.rejects (source_file, reason, source_line, batch_number, raw) values
            ('heartbeats/a.ndjson', 'bad_state', 9, 2, '{"event_at": "2021-02-28T23:30:00Z"}'),
            ('heartbeats/a.ndjson', 'bad_state', 4, 2, '{"event_at":"2021-03-01T01:00:00+02:00"}'),
            ('heartbeats/a.ndjson', 'bad_state', 2, 2, '{"event_at": "2021-03-02T00:00:00Z"}'),
            ('heartbeats/b.ndjson', 'malformed', 1, 2, '{"event_at": "2021-99'),
            ('lives/broken.csv', 'unreadable', null, 3, 'gzip data is cut');
        """
    )
    assert texts(open_warnings(Settings(home=tmp_path), con, run_of())) == [
        ("live_unknown", "live-x: 100.0 h watched"),
        ("day_unusual", "2021-02-03: 1.5 h watched"),
        ("refund_of_final_month", "per-1: refunded: 100 cents of its envelope"),
        ("rejects", "heartbeats/a.ndjson: bad_state, 2 records, the first in line 4"),
        ("rejects", "heartbeats/b.ndjson: malformed, 1 record, the first in line 1"),
        ("rejects", "lives/broken.csv: unreadable, 1 record"),
    ]


def test_players_are_named_by_device_and_version_with_what_stands_out(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute(
        """
        insert into marts.fct_close_warnings values
            ('2021-02', 'player_single_heartbeats', 'web, app 9.1', 1200, 3000, null),
            ('2021-02', 'player_frozen_positions', 'tv', 5400000, 7200000, null),
            ('2021-02', 'player_sparse_heartbeats', 'ios, app 4.2.1', 3600000, 7200000, null),
            ('2021-02', 'player_missing_positions', 'unknown', 9000, 10000, null),
            ('2021-02', 'watched_unsubscribed', 'sub-1', 3600000, null, null);
        """
    )
    assert texts(open_warnings(Settings(home=tmp_path), con, run_of())) == [
        ("player_single_heartbeats", "web, app 9.1: 1,200 of 3,000 playbacks have a single heartbeat"),
        ("player_frozen_positions", "tv: 1.5 h of 2.0 h played at a position that stood still"),
        ("player_sparse_heartbeats", "ios, app 4.2.1: 1.0 h of 2.0 h lie between heartbeats and are not counted"),
        ("player_missing_positions", "unknown: 9,000 of 10,000 heartbeats played without a position"),
        ("watched_unsubscribed", "sub-1: 1.0 h watched on days without a subscription"),
    ]


def test_a_player_is_named_when_more_than_a_twentieth_of_what_it_sent_was_rejected(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    # 11 of 201, in two loads, is above 5 %; 10 of 200 is not. Lines of a later day, of another version of the same
    # device or of an unknown device do not count.
    con.execute(
        """
        insert into marts.fct_player_health values
            ('2021-02-03', 'ios', '4.2.1', 100), ('2021-02-28', 'ios', '4.2.1', 90),
            ('2021-03-01', 'ios', '4.2.1', 900), ('2021-02-03', 'ios', '4.2.0', 190), ('2021-02-03', 'tv', '', 1);
        """
    )
    for number, day, device, version in (
        (11, "2021-02-03", "ios", "4.2.1"),
        (10, "2021-02-03", "ios", "4.2.0"),
        (99, "2021-03-05", "ios", "4.2.0"),
        (999, "2021-02-03", None, None),
        (300, "2021-02-03", "tv", None),
    ):
        con.execute(
            """
            insert into raw.rejects
            select 'heartbeats', 'h.ndjson', 'bad_state', n, $device, $version, 1 + n % 2,
                '{"event_at": "' || $day || 'T10:00:00Z"}'
            from range($number) as numbers (n)
            """,
            {"number": number, "day": day, "device": device, "version": version},
        )
    named = [one for one in texts(open_warnings(Settings(home=tmp_path), con, run_of())) if one[0] == "player_rejects"]
    assert named == [
        ("player_rejects", "ios, app 4.2.1: 11 of 201 heartbeats rejected"),
        ("player_rejects", "tv: 300 of 301 heartbeats rejected"),
    ]


def test_what_a_closed_month_has_seen_is_not_named_again(
    tmp_path: Path, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.execute(
        """
        insert into marts.fct_close_warnings values ('2021-02', 'refund_of_final_month', 'old', 100, null, 7),
            ('2021-02', 'refund_of_final_month', 'new', 100, null, 8);
        insert into raw.rejects (source_file, reason, source_line, batch_number, raw) values
            ('a.csv', 'malformed', 1, 7, 'x'), ('b.csv', 'malformed', 1, 8, 'x');
        insert into raw.rejects
        select 'heartbeats', 'a.csv', 'malformed', n, 'ios', null, 7, 'x' from range(300) as numbers (n);
        """
    )
    monkeypatch.setattr("allive.payouts.close_warnings.ledger.closed_months", lambda _: ("2021-01",))
    control = {"raw_versions": {"subscriptions": 3, "rejects": 5}}
    monkeypatch.setattr("allive.payouts.close_warnings.ledger.read_control", lambda _settings, _month: control)
    monkeypatch.setattr("allive.payouts.close_warnings.last_batch_of", lambda _settings, _table, _version: 7)
    named = {one.subject for one in open_warnings(Settings(home=tmp_path), con, run_of())}
    assert named == {"new", "b.csv"}


def test_an_iban_of_several_artists_is_named_where_one_of_them_is_paid(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    payees = (Payee("a", iban=SHARED), Payee("b", iban=SHARED.lower()), Payee("c", iban=OTHER), Payee("d", iban=OTHER))
    run = run_of((line("a", paid_cents=1000), line("c", paid_cents=0)), *payees)
    assert texts(open_warnings(Settings(home=tmp_path), con, run)) == [("iban_shared", "FR76…0189: a, b")]


@pytest.mark.parametrize(
    ("payee", "is_named"),
    [
        (Payee("a", iban=SHARED, iban_first_seen_on=date(2021, 2, 1), is_first_iban=False), True),
        (Payee("a", iban=SHARED, iban_first_seen_on=date(2021, 1, 31), is_first_iban=False), False),
        (Payee("a", iban=SHARED, iban_first_seen_on=date(2021, 2, 1), is_first_iban=True), False),
        (Payee("b", iban=SHARED, iban_first_seen_on=date(2021, 2, 1), is_first_iban=False), False),
    ],
)
def test_an_iban_that_changed_since_the_month_began_is_named(
    tmp_path: Path, con: duckdb.DuckDBPyConnection, payee: Payee, *, is_named: bool
) -> None:
    warnings = open_warnings(Settings(home=tmp_path), con, run_of((line("a", paid_cents=1000),), payee))
    assert texts(warnings) == [("iban_changed", "a: FR76…0189 since 2021-02-01")] * is_named


SWISS = "CH9300762011623852957"


@pytest.mark.parametrize(
    ("payee", "named"),
    [
        (Payee("a", iban=SHARED), None),
        (Payee("a", iban=SHARED, bic="BNPAFRPP"), None),
        (Payee("a", iban=SHARED, bic=" "), None),
        (Payee("a", iban=SHARED, bic=" deutdeff"), ("bic_left_out", "a: BIC DEUTDEFF with FR76…0189")),
        (Payee("b", iban=SHARED, bic="DEUTDEFF"), None),  # not paid
        (Payee("a", iban=SHARED, bic="SOCBPFTX"), ("account_in_territory", "a: FR76…0189, bank in PF")),
        (
            Payee("a", iban="FR7617469000000000123456725"),
            ("account_in_territory", "a: FR76…6725, bank in PF"),
        ),
        (Payee("a", iban=SWISS), ("account_outside_eea", "a: CH93…2957 without BIC and town and country")),
        (
            Payee("a", iban=SWISS, town="Genève", country="CH"),
            ("account_outside_eea", "a: CH93…2957 without BIC"),
        ),
        (
            Payee("a", iban=SWISS, bic="UBSWCHZH80A", town="Genève", country="Suisse"),
            ("account_outside_eea", "a: CH93…2957 without town and country"),
        ),
        (Payee("a", iban=SWISS, bic="UBSWCHZH80A", town="Genève", country="CH"), None),
        (Payee("b", iban=SWISS), None),  # not paid
    ],
)
def test_an_account_that_its_bank_may_refuse_is_named_where_it_is_paid(
    tmp_path: Path, con: duckdb.DuckDBPyConnection, payee: Payee, named: tuple[str, str] | None
) -> None:
    run = run_of((line("a", paid_cents=1000), line("b", paid_cents=0)), payee)
    assert texts(open_warnings(Settings(home=tmp_path), con, run)) == ([named] if named else [])


def test_the_code_stands_for_exactly_these_warnings() -> None:
    one, other = CloseWarning("day_unusual", "2021-02-03", "1.5 h watched"), CloseWarning("iban_shared", "…", "a, b")
    codes = {
        acknowledgement(MONTH, [one]),
        acknowledgement(MONTH, [other]),
        acknowledgement(MONTH, [one, other]),
        acknowledgement("2021-03", [one]),
        acknowledgement(MONTH, [CloseWarning(one.kind, one.subject, "1.6 h watched")]),
    }
    assert len(codes) == 5
    assert acknowledgement(MONTH, [one]) in codes
    assert acknowledgement(MONTH, []) is None


def test_each_kind_says_what_it_means_before_its_records() -> None:
    warnings = [CloseWarning("day_unusual", f"2021-02-0{day}", "1.5 h watched") for day in range(1, 4)]
    first, *records = in_words(warnings, most=2)
    assert first == f"day_unusual (3): {KINDS['day_unusual']}"
    assert records == ["  2021-02-01: 1.5 h watched", "  2021-02-02: 1.5 h watched", "  and 1 more"]


def test_auto_close_stops_at_every_kind_by_default() -> None:
    assert Settings().auto_close_stops_at == set(KINDS)
