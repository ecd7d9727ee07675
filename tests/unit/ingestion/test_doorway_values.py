"""Values as real players and billing systems write them: accepted, kept in another form, or rejected.

The expected results come from the cases' own figures and from the oracle's reading of the same files.
"""

import io
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES
from allive.ingestion.contracts.fields import Choice, Id
from tests.oracle.landed_files import read_file
from tests.oracle.landed_records import EPOCH, RECORD_CLASSES, Heartbeat, bare, judge
from tests.oracle.watch_time import WatchTime

from .conftest import NOW
from .records import GOOD, HEARTBEAT, SUBSCRIPTION

pytestmark = pytest.mark.slow

CASES = Path(__file__).parents[2] / "fixtures" / "doorway"
NOW_MS = (NOW - EPOCH) // timedelta(milliseconds=1)
PRICED = SUBSCRIPTION | {"price_cents": 499}
BLANKS = {
    "a blank": " ", "a tab": "\t", "a line feed": "\n", "a CR": "\r", "a control": "\x1f", "DEL": "\x7f",
    "a no-break blank": "\xa0", "a soft hyphen": "\xad", "a wide blank": "\u3000", "zero-width": "\u200b",
    "a joiner": "\u200d", "a word joiner": "\u2060", "a BOM": "\ufeff", "left to right": "\u200e",
    "right to left override": "\u202e", "an isolate": "\u2069", "an Arabic mark": "\u061c",
    "a line separator": "\u2028",
    "a narrow no-break blank": "\u202f", "an Ogham blank": "\u1680", "a Mongolian separator": "\u180e",
    "a Hangul filler": "\u3164", "a Braille blank": "\u2800", "several": " \u200b\t\xa0",
}  # fmt: skip


def judged(path: Path, record_type: str) -> list:
    lines = read_file(path, path.name).lines
    return [judge(record_type, line.values, loaded_at=NOW_MS) for line in lines]


def failed_warnings(report) -> dict[str, str]:
    return {c.name: f"{c.found}; {c.detail}" for c in report.checks if not c.passed and c.severity == "warning"}


# --- the cases -----------------------------------------------------------------------------------


WATCH_MS = {"r0": 9_000, "np": 6_000, "us": 7_000, "in": 50_000, "id": 10_000, "id3": 10_000}


def test_the_cases_are_taken_as_is_right(home):
    expected = []
    for path in CASES.glob("*.ndjson"):
        home.land(f"heartbeats/{path.name}", path.read_bytes())
        expected += [one for one in judged(path, "heartbeats") if not isinstance(one, str)]
    report = home.load("heartbeats")
    assert report.records == 6 + 4 + 5 + 6 + 4
    assert home.rejects() == [
        ("heartbeats/ids.ndjson", 3, "bad_subscriber_id"), ("heartbeats/instants.ndjson", 7, "bad_event_at"),
    ]  # fmt: skip
    assert failed_warnings(report) == {
        "state_known": "2 records with an unknown state, kept as 'other'; first 'stopped' in "
                       "heartbeats/unknown-states.ndjson, line 2",
        "position_s_readable": "1 record with an unreadable position_s, kept without it; first '-0.021' in "
                               "heartbeats/negative-position-at-pause.ndjson, line 2",
    }  # fmt: skip
    rows = home.query(
        "select event_id, playback_id, subscriber_id, live_id, epoch_ms(event_at), state, null, sequence, position_ms "
        "from raw.heartbeats order by event_id"
    )
    beats = [Heartbeat(*row) for row in rows]
    for landed in (beats, expected):
        watched = WatchTime.of(landed).playbacks
        assert {key.playback_id: playback.watch_ms for key, playback in watched.items()} == WATCH_MS
    assert [beat.subscriber_id for beat in beats if beat.playback_id == "id3"] == ["123", "123"]


def test_subscriptions_of_the_case(home):
    home.land("subscriptions/a.csv", (CASES / "subscriptions-future.csv").read_bytes())
    home.load("subscriptions")
    assert [(line, reason) for _, line, reason in home.rejects()] == [(3, "in_future"), (4, "bad_currency")]
    assert home.query("select period_id, status, refunded_cents from raw.subscriptions order by 1") == [
        ("f-1", "paid", None), ("f-3", "paid", 450),
    ]  # fmt: skip


# --- an unreadable optional field never costs a heartbeat ------------------------------------------

ODD = {
    "received_at": ("soon", "2021-01-18T18:51:18", 1_610_995_878, True, [1], "2021-02-30T00:00:00Z"),
    "sequence": (-1, "1.5", "x", 2.5, True, [1], 2**63, "0x1F"),
    "position_s": (-5, "-0.001", "far", "NaN", "1:02:33", {"a": 1}, "1e400"),
    "playback_rate": (-1, "fast", "-0.5", "inf", "1e999", False),
    "device": ("fridge", 7, ["web"]),
    "surface": ("billboard", {"name": "home"}),
    "app_version": ("v" * 65, "a\0b", 4.2, True, ["4.2"]),
}
UNKNOWN_STATES = ("stopped", "ad", "1", "true", "[1]", "pla ying", "lecture", "é", "null")


def test_every_optional_field_of_a_heartbeat_is_tried():
    optional = {field.name for field in CONTRACTS["heartbeats"].fields if not field.required}
    assert optional == ODD.keys()
    assert {field.name for field in CONTRACTS["heartbeats"].lenient} == optional | {"state"}


def test_an_optional_field_that_cannot_be_read_is_missing_and_counted(home):
    records = [
        HEARTBEAT | {"event_id": f"{name}-{n}", name: value} for name, vs in ODD.items() for n, value in enumerate(vs)
    ]
    home.land("heartbeats/a.ndjson", records)
    report = home.load("heartbeats")
    assert (home.rejects(), report.records) == ([], len(records))
    columns = {"position_s": "position_ms"}
    for name, values in ODD.items():
        column = columns.get(name, name)
        kept = "event_at" if name == "received_at" else "null"
        rows = home.query(
            f"select count(*) from raw.heartbeats "
            f"where event_id like '{name}-%' and {column} is not distinct from {kept}"
        )
        assert rows == [(len(values),)], name
        check = f"{name}_{'known' if name in {'device', 'surface'} else 'readable'}"
        assert failed_warnings(report)[check].startswith(f"{len(values)} records with an un")


def test_a_record_with_two_odd_fields_counts_in_both_and_the_first_is_named(home):
    home.land("heartbeats/b.ndjson", [HEARTBEAT | {"position_s": -1}])
    home.land(
        "heartbeats/a.ndjson",
        [
            HEARTBEAT,
            HEARTBEAT | {"position_s": "x=\x01y", "device": "fridge", "state": "ad"},
            HEARTBEAT | {"state": "a" * 99},
        ],
    )
    found = failed_warnings(home.load("heartbeats"))
    assert found == {
        "state_known": "2 records with an unknown state, kept as 'other'; first 'ad' in heartbeats/a.ndjson, line 2",
        "position_s_readable": "2 records with an unreadable position_s, kept without it; first 'x=y' in "
                               "heartbeats/a.ndjson, line 2",
        "device_known": "1 record with an unknown device, kept without it; first 'fridge' in "
                        "heartbeats/a.ndjson, line 2",
    }  # fmt: skip
    assert home.query("select event_id, state from raw.heartbeats order by all") == [
        ("e-1", "other"), ("e-1", "other"), ("e-1", "playing"), ("e-1", "playing"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_an_unknown_word_is_another_state_in_every_format(home, kind):
    records = [HEARTBEAT | {"state": state} for state in UNKNOWN_STATES]
    land(home, "heartbeats", kind, records)
    report = home.load("heartbeats")
    assert home.query("select state, count(*) from raw.heartbeats group by 1") == [("other", len(UNKNOWN_STATES))]
    assert failed_warnings(report)["state_known"].startswith(f"{len(UNKNOWN_STATES)} records")


def test_a_state_that_is_no_text_is_bad_and_one_of_blanks_is_missing(home):
    states = [1, 1.5, True, [1], {"a": 1}, "nul \0", " ", "\u200b", "", None, "other"]
    home.land("heartbeats/a.ndjson", [HEARTBEAT | {"state": state} for state in states])
    report = home.load("heartbeats")
    assert home.reasons() == ["bad_state"] * 6 + ["missing_state"] * 4
    assert (report.records, failed_warnings(report)) == (1, {})


def test_numbers_are_no_words_in_parquet_either(home):
    land(home, "heartbeats", "parquet", [HEARTBEAT | {"state": 1}])
    home.load("heartbeats")
    assert home.reasons() == ["bad_state"]


def test_an_optional_field_of_any_other_record_still_rejects(home):
    odd = {
        "subscriptions": ("price_cents", "4.99"), "artists": ("left_on", "gone"), "lives": ("updated_at", "x"),
        "artist_categories": ("is_deleted", "maybe"), "live_credits": ("updated_at", 5),
    }  # fmt: skip
    for record_type, (field, value) in odd.items():
        home.land(f"{record_type}/a.ndjson", [GOOD[record_type] | {field: value}, GOOD[record_type]])
        home.load(record_type)
    assert home.rejects() == sorted(
        (f"{record_type}/a.ndjson", 1, f"bad_{field}") for record_type, (field, _) in odd.items()
    )


# --- instants and days -----------------------------------------------------------------------------

INSTANTS = {
    "2021-02-10T20:00Z": "2021-02-10T20:00:00",
    "2021-02-10T20:00+01:00": "2021-02-10T19:00:00",
    "2021-02-10 20:00 UTC": "2021-02-10T20:00:00",
    "2021-02-10T20:00:10,5Z": "2021-02-10T20:00:10.500",
    "2021-02-10T20:00:10,123456789+0100": "2021-02-10T19:00:10.123",
    "20210210T200020Z": "2021-02-10T20:00:20",
    "20210210T2000Z": "2021-02-10T20:00:00",
    "20210210T200020.25+01": "2021-02-10T19:00:20.250",
    "20210210t200020,999z": "2021-02-10T20:00:20.999",
    "20210210T2000-0530": "2021-02-11T01:30:00",
    "2021-02-10t20:00:30z": "2021-02-10T20:00:30",
    "2021-02-10 20:00:30UTC": "2021-02-10T20:00:30",
    "2021-02-10 20:00:30 utc": "2021-02-10T20:00:30",
    "2021-02-10 20:00:30 +0100": "2021-02-10T19:00:30",
    " 2021-02-10T20:00:30.000Z\u200b": "2021-02-10T20:00:30",
    "\t2021-02-10T20:00:30-01 ": "2021-02-10T21:00:30",
    "2021-12-31T23:59:59.999999Z": "2021-12-31T23:59:59.999",
}
NO_INSTANTS = [
    "2021-02-10T20:00", "20210210T200020", "20210210", "2021-02-10T20:00:30 CET", "2021-02-10T20Z",
    "2021-02-10T200030Z", "20210210T20:00:30Z", "2021-02-10T20:00,5Z", "2021-02-10T20:00:30,Z", "2021-2-10T20:00:30Z",
    "2021-02-30T20:00Z", "20210230T200000Z", "2021-02-10T20:00:30+1", "2021-02-10T20:00:30Z+01:00", "UTC", "20:00:30Z",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_instants_as_they_are_delivered(home, kind):
    later = datetime(2022, 1, 1, tzinfo=UTC)
    land(home, "heartbeats", kind, [HEARTBEAT | {"event_at": written} for written in (*INSTANTS, *NO_INSTANTS)])
    home.load("heartbeats", now=later)
    assert len(home.rejects()) == len(NO_INSTANTS)
    assert {*home.reasons()} == {"bad_event_at"}
    found = home.query("select event_at from raw.heartbeats order by source_line")
    assert [at for (at,) in found] == [datetime.fromisoformat(at).replace(tzinfo=UTC) for at in INSTANTS.values()]


def test_the_oracle_reads_the_same_instants():
    for written, expected in INSTANTS.items():
        found = judge("heartbeats", HEARTBEAT | {"event_at": written}, loaded_at=2**60)
        assert EPOCH + timedelta(milliseconds=found.event_at) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    for written in NO_INSTANTS:
        assert judge("heartbeats", HEARTBEAT | {"event_at": written}, loaded_at=2**60) == "bad_event_at"


def test_days_as_they_are_delivered(home):
    days = {
        "2021-02-10": date(2021, 2, 10), "20210210": date(2021, 2, 10), " 2021-02-10\u200b": date(2021, 2, 10),
        "20210210T2330Z": date(2021, 2, 11), "2021-02-10 22:59 UTC": date(2021, 2, 10),
    }  # fmt: skip
    bad = ["10/02/2021", "2021-02", "20210230", "210210", "2021-02-10T23:30", "2021 02 10"]
    home.land("artists/a.ndjson", [GOOD["artists"] | {"left_on": day} for day in (*days, *bad)])
    home.load("artists")
    assert home.reasons() == ["bad_left_on"] * len(bad)
    assert home.query("select left_on from raw.artists order by source_line") == [(day,) for day in days.values()]


# --- ids -------------------------------------------------------------------------------------------


def land(home, record_type: str, kind: str, records: list[dict]) -> None:
    """Land records in one format; CSV values are quoted."""
    if kind == "ndjson":
        home.land(f"{record_type}/a.ndjson", records)
    elif kind == "csv":
        quoted = [",".join('"' + str(v).replace('"', '""') + '"' for v in record.values()) for record in records]
        home.land(f"{record_type}/a.csv", "\n".join([",".join(records[0]), *quoted]) + "\n")
    else:
        content = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(records), content)
        home.land(f"{record_type}/a.parquet", content.getvalue())


NO_IDS = {"vat_id"}
"""Numbers that others gave: they identify nothing here."""


def test_what_identifies_is_an_id():
    for contract in CONTRACTS.values():
        ids = {field.name for field in contract.fields if isinstance(field.type, Id)}
        assert ids == {name for name in contract.field_names if name.endswith("_id")} - NO_IDS


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_blanks_around_an_id_are_no_part_of_it(home, kind):
    records = [
        HEARTBEAT | {"event_id": written}
        for blank in BLANKS.values()
        for written in (f"{blank}i d", f"i d{blank}", f"{blank}i d{blank}")
    ]
    assert {bare(record["event_id"]) for record in records} == {"i d"}
    land(
        home, "heartbeats", kind, [*records, HEARTBEAT | {"event_id": "é\u200b"}, HEARTBEAT | {"event_id": "i\u200bd"}]
    )
    home.load("heartbeats")
    assert home.query("select event_id, count(*) from raw.heartbeats group by 1 order by 1") == [
        ("i d", len(records)), ("i\u200bd", 1), ("é", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("record_type", "kind"), [*zip(RECORD_TYPES, ["csv", "parquet", "ndjson"] * 2, strict=True)])
def test_an_id_of_blanks_is_missing_and_of_a_spreadsheet_bad(home, record_type, kind):
    contract = CONTRACTS[record_type]
    required = [name for name in contract.required if name.endswith("_id")]
    ids = [name for name in contract.field_names if name.endswith("_id") and name not in NO_IDS]
    good = GOOD[record_type] | dict.fromkeys(ids, "x")
    spreadsheet = ("123.0", "123.00", "0.0", "-7.000", " 123.0\u200b")
    kept = ("123", "0123", "1.50", "v1.0", "1.0.0", "1,0", "123.", ".0", "1e3")
    records = [good | {name: "\u200b \t"} for name in required]
    records += [good | {name: written} for name in ids for written in spreadsheet]
    records += [good | {name: written} for name in ids for written in kept]
    land(home, record_type, kind, records)
    home.load(record_type)
    reasons = [f"missing_{name}" for name in required] + [f"bad_{name}" for name in ids for _ in spreadsheet]
    assert home.reasons() == reasons
    for name in ids:
        found = {value for (value,) in home.query(f"select distinct {name} from raw.{record_type}")}
        assert found == {*kept, "x"} - ({"x"} if len(ids) == 1 else set())


def test_numbers_for_ids(home):
    values = {"123": 123, "9" * 30: int("9" * 30)}
    bad = [123.0, 1.5, -0.0, 1e3, True]
    home.land("heartbeats/a.ndjson", [HEARTBEAT | {"live_id": value} for value in (*values.values(), *bad)])
    home.load("heartbeats")
    assert home.reasons() == ["bad_live_id"] * len(bad)
    assert home.query("select live_id from raw.heartbeats order by source_line") == [(digits,) for digits in values]


def test_numbers_for_ids_in_parquet(home):
    columns = {
        "int": (pa.array([123], pa.int32()), "123"),
        "whole decimal": (pa.array([123], pa.decimal128(10, 0)), "123"),
        "double": (pa.array([123.0], pa.float64()), None),
        "decimal": (pa.array([123], pa.decimal128(10, 2)), None),
        "text": (pa.array(["123.0"]), None),
        "bytes": (pa.array([b" 123\xc2\xa0"], pa.binary()), "123"),
    }
    for name, (column, _) in columns.items():
        table = pa.Table.from_pylist([HEARTBEAT | {"event_id": name}])
        content = io.BytesIO()
        pq.write_table(table.set_column(table.schema.get_field_index("live_id"), "live_id", column), content)
        home.land(f"heartbeats/{name}.parquet", content.getvalue())
    home.load("heartbeats")
    assert home.reasons() == ["bad_live_id"] * 3
    expected = {name: live_id for name, (_, live_id) in columns.items() if live_id}
    assert dict(home.query("select event_id, live_id from raw.heartbeats")) == expected


def test_names_titles_and_ibans_stay_as_they_are(home):
    home.land("artists/a.ndjson", [{"artist_id": " a ", "name": " Zoé\u200b", "iban": " FR14 2004 ", "town": "1.0"}])
    home.load("artists")
    assert home.query("select artist_id, name, iban, town from raw.artists") == [
        ("a", " Zoé\u200b", " FR14 2004 ", "1.0")
    ]


# --- blanks around other values, words in any case ---------------------------------------------------


@pytest.mark.parametrize("kind", ["ndjson", "csv", "parquet"])
def test_blanks_around_values_and_capitals_in_words_are_taken(home, kind):
    land(home, "heartbeats", kind, [HEARTBEAT | {
        "state": " Playing\u200b", "sequence": " 7 ", "position_s": "\t1.5\xa0", "playback_rate": " 0", "device": "iOS",
        "surface": "HOME ", "received_at": "\ufeff2021-01-18T18:51:20.000Z",
    }])  # fmt: skip
    report = home.load("heartbeats")
    assert (home.rejects(), failed_warnings(report)) == ([], {})
    assert home.query(
        "select state, sequence, position_ms, playback_rate, device, surface, received_at - event_at "
        "from raw.heartbeats"
    ) == [("playing", 7, 1_500, 0.0, "ios", "home", timedelta(milliseconds=1_830))]
    land(home, "subscriptions", kind, [PRICED | {
        "status": " PAID ", "price_cents": " 499", "envelope_cents": "100.0 ", "currency": " eur\u200b",
        "refunded_cents": " ",
    }])  # fmt: skip
    land(home, "lives", kind, [GOOD["lives"] | {"kind": "Live", "exclusive": " TRUE ", "duration_s": "\u20091800 "}])
    for record_type in ("subscriptions", "lives"):
        home.load(record_type)
    assert home.rejects() == []
    assert home.query(
        "select status, price_cents, envelope_cents, currency, refunded_cents from raw.subscriptions"
    ) == [("paid", 499, 100, "EUR", None)]
    assert home.query("select kind, exclusive, cast(duration_s as integer) from raw.lives") == [("live", True, 1800)]


def test_closed_lists_are_in_small_letters():
    words = [w for c in CONTRACTS.values() for f in c.fields if isinstance(f.type, Choice) for w in f.type.options]
    assert words == [word.lower() for word in words]


# --- refunds, currencies and future dates ------------------------------------------------------------


def test_refunds_and_currencies(home):
    good = [
        PRICED | {"refunded_cents": 0}, PRICED | {"refunded_cents": 499}, PRICED | {"refunded_cents": 500},
        PRICED | {"currency": "Eur"}, SUBSCRIPTION | {"refunded_cents": 0}, PRICED | {"currency": None},
    ]  # fmt: skip
    bad = [PRICED | {"refunded_cents": -1}, PRICED | {"currency": "CHF"}, SUBSCRIPTION | {"refunded_cents": 1}]
    home.land("subscriptions/a.ndjson", [*good, *bad])
    home.load("subscriptions")
    assert home.reasons() == ["bad_refunded_cents", "bad_currency", "refund_without_price"]
    assert home.query("select count(*) from raw.subscriptions") == [(len(good),)]


def test_what_is_dated_in_the_future_is_rejected_in_every_record_type(home):
    limit = NOW + timedelta(days=1)
    dates = [limit, limit + timedelta(milliseconds=1), "2062-02-05T08:00:00Z"]
    dated = [name for name in RECORD_TYPES if name != "heartbeats"]
    for record_type in dated:
        assert "updated_at" in CONTRACTS[record_type].field_names
        home.land(f"{record_type}/a.ndjson", [GOOD[record_type] | {"updated_at": str(at)} for at in dates])
        assert home.load(record_type).records == 1
    expected = [(f"{record_type}/a.ndjson", line, "in_future") for record_type in dated for line in (2, 3)]
    assert home.rejects() == sorted(expected)


def test_the_oracle_knows_the_same_fields():
    for record_type, contract in CONTRACTS.items():
        known = fields(RECORD_CLASSES[record_type])
        assert [field.metadata.get("landed_as") or field.name for field in known] == [*contract.field_names]
