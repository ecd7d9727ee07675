"""Every reject reason of every record type, and the stored form of accepted values."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES

from .conftest import NOW
from .records import ARTIST, GOOD, HEARTBEAT, LIVE, SUBSCRIPTION

LIST, OBJECT = [1], {"a": 1}
NOT_TEXT = [LIST, OBJECT, True, False, 1.5, "nul \0 inside"]
NOT_WORDS = [1, 0, *NOT_TEXT]
BAD_INSTANTS = [
    "2021-01-18T18:51:18",
    "2021-01-18",
    "18/01/2021 18:51",
    "2021-02-30T00:00:00Z",
    "2021-01-18T25:00:00Z",
    "2021-01-18T18:51:18+25:00",
    "epoch",
    "infinity",
    "2021-01-18T18:51:18 Europe/Paris",
    1_610_995_878,
    True,
    LIST,
]
BAD_DAYS = ["2021-02-30", "2021-1-8", "20210230", "yesterday", "2021-01-18T00:00:00", 18, LIST]
BAD_WHOLE = ["-1", -1, "1.5", 2.5, "0x1F", "1_000", "many", "NaN", True, LIST, 2**63]
BAD_DECIMAL = ["-0.0001", -1, "NaN", "inf", "0x1F", "1_000", "far", True, LIST, "1e400"]
# 732829320 is the example of a right one; here a digit is wrong, two are swapped, one is missing or too many.
BAD_SIRENS = ["732829321", "732829230", "73282932", "7328293200", "FR44732829320", "732829320.0", 73282932, True, LIST]

CASES = [
    *(("heartbeats", {name: value}, f"bad_{name}") for name in ("event_id", "live_id")
      for value in NOT_TEXT),
    *(("heartbeats", {"event_at": value}, "bad_event_at") for value in BAD_INSTANTS),
    *(("heartbeats", {"state": value}, "bad_state") for value in NOT_WORDS),
    ("heartbeats", {"event_at": "2021-01-18T18:51:18Z", "received_at": "2021-01-18T18:41:17.999Z"},
     "in_future"),
    ("heartbeats", {"event_at": "2021-04-02T12:00:00.001Z"}, "in_future"),
    ("heartbeats", {"received_at": "2021-02-22T18:51:18.171Z"}, "too_late"),
    ("heartbeats", {"event_at": "2014-12-31T22:59:59.999Z"}, "too_old"),
    *(("subscriptions", {name: value}, f"bad_{name}") for name in ("period_start", "period_end")
      for value in BAD_DAYS),
    ("subscriptions", {"status": "pending"}, "bad_status"),
    *(("subscriptions", {name: value}, f"bad_{name}") for name in ("price_cents", "envelope_cents")
      for value in BAD_WHOLE),
    *(("subscriptions", {"refunded_cents": value}, "bad_refunded_cents") for value in BAD_WHOLE),
    *(("subscriptions", {"currency": value}, "bad_currency") for value in ("USD", "€", "EURO", "E U R", 978, LIST)),
    ("subscriptions", {"refunded_cents": 1}, "refund_without_price"),
    ("subscriptions", {"plan_id": OBJECT}, "bad_plan_id"),
    ("subscriptions", {"period_start": "2014-12-01", "period_end": "2015-01-01"}, "too_old"),
    ("subscriptions", {"period_end": "2021-01-10"}, "period_order"),
    ("subscriptions", {"period_end": "2021-01-09"}, "period_order"),
    ("subscriptions", {"period_end": "2021-02-15"}, "period_too_long"),
    ("subscriptions", {"price_cents": 99, "envelope_cents": 100}, "envelope_above_price"),
    ("artists", {"left_on": "soon"}, "bad_left_on"),
    *(("artists", {"siren": value}, "bad_siren") for value in BAD_SIRENS),
    *(("artists", {name: value}, f"bad_{name}") for name in ("legal_name", "account_holder", "vat_id", "contact_email")
      for value in (LIST, True)),
    ("artists", {"iban": LIST}, "bad_iban"),
    ("artists", {"updated_at": "2021-01-01"}, "bad_updated_at"),
    ("artist_categories", {"category": "famous"}, "bad_category"),
    ("artist_categories", {"is_deleted": "yes"}, "bad_is_deleted"),
    ("artist_categories", {"valid_from": "2021-13-01"}, "bad_valid_from"),
    ("lives", {"kind": "podcast"}, "bad_kind"),
    ("lives", {"exclusive": 2}, "bad_exclusive"),
    *(("lives", {"duration_s": value}, "bad_duration_s") for value in BAD_DECIMAL),
    ("lives", {"published_on": "2021"}, "bad_published_on"),
    *(("live_credits", {"share_bp": value}, "bad_share_bp") for value in (0, 10_001, "half")),
]  # fmt: skip


def test_each_broken_rule_rejects_with_its_reason(home):
    by_type = {record_type: [] for record_type in RECORD_TYPES}
    for record_type, change, reason in CASES:
        by_type[record_type].append((GOOD[record_type] | change, reason))
    for record_type, cases in by_type.items():
        home.land(f"{record_type}/a.ndjson", [GOOD[record_type], *(record for record, _ in cases)])
        assert home.load(record_type).records == 1
        lines = {line: reason for file, line, reason in home.rejects() if file.startswith(record_type + "/")}
        found = [(record, lines.get(i + 2)) for i, (record, _) in enumerate(cases)]
        assert found == cases


@pytest.mark.parametrize("record_type", RECORD_TYPES)
@pytest.mark.parametrize("missing", [None, "", "absent"])
def test_every_required_field_may_not_be_missing(home, record_type, missing):
    required = CONTRACTS[record_type].required
    records = []
    for name in required:
        record = GOOD[record_type] | {name: missing}
        if missing == "absent":
            del record[name]
        records.append(record)
    home.land(f"{record_type}/a.ndjson", [GOOD[record_type], *records])
    home.load(record_type)
    assert home.reasons() == [f"missing_{name}" for name in required]


@pytest.mark.parametrize(
    "line",
    [
        "{not json",
        "[1,2,3]",
        "null",
        "12",
        '"text"',
        json.dumps(HEARTBEAT)[:-1],
        json.dumps(HEARTBEAT) + " x",
        json.dumps(HEARTBEAT)[:-1] + ',"x":"\\ud800"}',
        json.dumps(HEARTBEAT)[:-1] + ",}",
        json.dumps(HEARTBEAT)[:-1] + ", }  ",
    ],
)
def test_what_is_no_json_object_is_malformed(home, line):
    home.land("heartbeats/a.ndjson", line + "\n" + json.dumps(HEARTBEAT))
    assert home.load("heartbeats").records == 1
    assert home.rejects() == [("heartbeats/a.ndjson", 1, "malformed")]


def test_the_first_reason_that_applies_is_given(home):
    everything = {"event_at": "never", "state": 1, "received_at": "2021-01-18"}
    home.land(
        "heartbeats/a.ndjson",
        [
            everything,
            HEARTBEAT | everything | {"live_id": None},
            HEARTBEAT | everything,
            HEARTBEAT | {"state": 1, "event_at": "2014-01-01T00:00:00Z"},
            # Two reasons each: after its receipt and before 2015; received too late and too old.
            HEARTBEAT | {"event_at": "2014-01-02T00:00:00Z", "received_at": "2014-01-01T00:00:00Z"},
            HEARTBEAT | {"event_at": "2014-01-01T00:00:00Z", "received_at": "2014-03-01T00:00:00Z"},
        ],
    )
    home.load("heartbeats")
    assert home.reasons() == [
        "missing_event_id", "missing_live_id", "bad_event_at", "bad_state", "in_future", "too_late",
    ]  # fmt: skip


def test_boundaries_are_kept(home):
    home.land(
        "heartbeats/a.ndjson",
        [
            HEARTBEAT | {"received_at": "2021-01-18T18:41:18.170Z"},  # 10 min before
            HEARTBEAT | {"received_at": "2021-02-22T18:51:18.170Z"},  # 35 days after
            HEARTBEAT | {"event_at": "2014-12-31T23:00:00Z"},  # 2015 in Paris
            HEARTBEAT | {"event_at": (NOW + timedelta(days=1)).isoformat()},
        ],
    )
    home.land(
        "subscriptions/a.ndjson",
        [
            SUBSCRIPTION | {"period_end": "2021-02-14"},
            SUBSCRIPTION | {"period_end": "2021-01-11"},
            SUBSCRIPTION | {"price_cents": 100, "envelope_cents": 100},
            SUBSCRIPTION | {"envelope_cents": 100},
            SUBSCRIPTION | {"price_cents": 0, "envelope_cents": 0},
        ],
    )
    home.load("heartbeats")
    home.load("subscriptions")
    assert home.rejects() == []


def test_numbers_and_countries_of_payees_are_kept_in_one_form(home):
    sirens = ["732829320", " 732 829 320", "732\xa0829\u202f320 ", 732829320, "356000000", None, ""]
    countries = ["FR", "fr", " be ", "XK", "France", "F", 33, LIST, None]
    rows = [ARTIST | {"siren": value} for value in sirens] + [ARTIST | {"tax_country": value} for value in countries]
    home.land("artists/a.ndjson", rows)
    report = home.load("artists")
    assert home.rejects() == []
    kept = home.query("select siren, tax_country from raw.artists order by source_line")
    assert [siren for siren, _ in kept[: len(sirens)]] == [*["732829320"] * 4, "356000000", None, None]
    assert [country for _, country in kept[len(sirens) :]] == ["FR", "FR", "BE", *[None] * 6]
    assert [check.name for check in report.checks if not check.passed] == ["tax_country_known"]


def test_optional_closed_lists_forget_what_they_do_not_know(home):
    home.land("heartbeats/a.ndjson", [HEARTBEAT | {"device": "fridge", "surface": "home"}, HEARTBEAT])
    report = home.load("heartbeats")
    assert home.query("select device, surface from raw.heartbeats order by source_line") == [
        (None, "home"), (None, None),
    ]  # fmt: skip
    warnings = {check.name: check.passed for check in report.checks if check.severity == "warning"}
    assert warnings.pop("device_known") is False
    assert set(warnings.values()) == {True}
    assert report.verdict == "promoted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-01-18T18:51:18.170Z", "2021-01-18T18:51:18.170"),
        ("2021-01-18T18:51:18.170999Z", "2021-01-18T18:51:18.170"),
        ("2021-01-18T18:51:18.1709999999Z", "2021-01-18T18:51:18.170"),
        ("2021-01-18T18:51:18Z", "2021-01-18T18:51:18"),
        ("2021-01-18T18:51:18+01:00", "2021-01-18T17:51:18"),
        ("2021-01-18T18:51:18-0530", "2021-01-19T00:21:18"),
        ("2021-01-18T18:51:18+02", "2021-01-18T16:51:18"),
    ],
)
def test_instants_are_utc_milliseconds(home, text, expected):
    home.land("heartbeats/a.ndjson", [HEARTBEAT | {"event_at": text}])
    home.load("heartbeats")
    instant = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert home.query("select event_at, received_at from raw.heartbeats") == [(instant, instant)]


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2021-01-18T22:59:59.999Z", date(2021, 1, 18)),
        ("2021-01-18T23:00:00Z", date(2021, 1, 19)),
        ("2020-07-18T21:59:59.999Z", date(2020, 7, 18)),
        ("2020-07-18T22:00:00Z", date(2020, 7, 19)),
        ("2021-03-27T23:00:00Z", date(2021, 3, 28)),
        ("2021-03-28T21:59:59Z", date(2021, 3, 28)),
        ("2021-03-28T22:00:00Z", date(2021, 3, 29)),
        ("2020-10-24T22:00:00Z", date(2020, 10, 25)),
        ("2020-10-25T22:59:59Z", date(2020, 10, 25)),
        ("2020-10-25T23:00:00Z", date(2020, 10, 26)),
    ],
)
def test_days_are_paris_days(home, instant, day):
    home.land("heartbeats/a.ndjson", [HEARTBEAT | {"event_at": instant}])
    home.load("heartbeats")
    assert home.query("select event_day from raw.heartbeats") == [(day,)]
    # Beside others of the days around it, which it may first be written to one file with.
    others = [f"{day + timedelta(days=days)}T12:00:00Z" for days in (-1, 0, 1)]
    beats = [HEARTBEAT | {"event_id": at, "event_at": at} for at in (*others, instant)]
    home.land("heartbeats/b.ndjson", beats)
    home.load("heartbeats")
    assert home.query(f"select event_day from raw.heartbeats where event_id = '{instant}'") == [(day,)]
    home.land("artists/a.ndjson", [GOOD["artists"] | {"left_on": instant}])
    home.load("artists")
    assert home.query("select left_on from raw.artists") == [(day,)]


def test_ids_are_text_and_numbers_their_digits(home):
    record = HEARTBEAT | {"event_id": 42, "playback_id": "007", "live_id": 10**25}
    home.land("heartbeats/a.ndjson", [record, HEARTBEAT | {"event_id": "[1]", "live_id": "true"}])
    home.load("heartbeats")
    assert home.query("select event_id, playback_id, live_id from raw.heartbeats order by 1") == [
        ("42", "007", "1" + "0" * 25), ("[1]", "p-1", "true"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", [True, "true", "1", 1, "True"])
def test_booleans(home, value):
    home.land("lives/a.ndjson", [LIVE | {"exclusive": value}])
    home.load("lives")
    assert home.query("select exclusive from raw.lives") == [(True,)]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [("1799.9996", "1799.999"), (1800, "1800.000"), ("1800.0", "1800.000"), ("1.8e3", "1800.000")],
)
def test_a_duration_never_reaches_a_bound_by_rounding(home, seconds, expected):
    home.land("lives/a.ndjson", [LIVE | {"duration_s": seconds}])
    home.load("lives")
    assert home.query("select duration_s from raw.lives") == [(Decimal(expected),)]


POSITIONS = st.one_of(st.decimals(0, 10**9, places=6), st.decimals(0, 10**14, places=3), st.integers(0, 10**14))


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(POSITIONS.map(Decimal), min_size=1, max_size=50))
def test_positions_are_rounded_in_decimal(tmp_path_factory, home, positions):
    fresh = type(home)(tmp_path_factory.mktemp("positions"))
    fresh.land("heartbeats/a.ndjson", [HEARTBEAT | {"position_s": str(p)} for p in positions])
    fresh.load("heartbeats")
    found = fresh.query("select position_ms from raw.heartbeats order by source_line")
    assert [ms for (ms,) in found] == [int((p * 1000).quantize(Decimal(1), ROUND_HALF_UP)) for p in positions]
