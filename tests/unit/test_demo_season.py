"""Checks the landed demo season with its own rules; uses none of the product's readers."""

import csv
import datetime as dt
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest
from schwifty import IBAN

from allive.ingestion.demo.season import LandingNotEmptyError, plan_season, write_season

pytestmark = pytest.mark.slow

PARIS = ZoneInfo("Europe/Paris")
MONTHS = ("2021-01", "2021-02", "2021-03")


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    return write_season(tmp_path_factory.mktemp("season") / "landing")


@pytest.fixture(scope="module")
def landing(season):
    return season.landing_dir


FIELDS = (
    "event_id", "playback_id", "subscriber_id", "live_id", "sequence", "event_at", "received_at",
    "state", "position_s", "playback_rate", "device", "surface", "app_version",
)  # fmt: skip
AS_TEXT = ", ".join(f"{field}::varchar as {field}" for field in FIELDS)
JUDGED = rf"""
    create table landed as
    with lines as (
        select {AS_TEXT}, filename as file
        from read_json(
            $ndjson,
            columns = {{{", ".join(f"{field}: 'VARCHAR'" for field in FIELDS)}}},
            format = 'newline_delimited',
            ignore_errors = true,
            filename = true
        )
        union all
        select {AS_TEXT}, filename from read_csv($csv, all_varchar = true, filename = true)
        union all
        select {AS_TEXT}, filename
        from (
            select * replace (
                strftime(event_at, $typed) as event_at, strftime(received_at, $typed) as received_at
            )
            from read_parquet($parquet, filename = true)
        )
    ),
    timed as (
        select
            *,
            case when regexp_matches(event_at, $instant) then event_at::timestamptz end as sent,
            coalesce(
                case when regexp_matches(received_at, $instant) then received_at::timestamptz end,
                sent
            ) as received
        from lines
    )
    select
        *,
        timezone('Europe/Paris', sent)::date as day,
        case
            when event_id is null and playback_id is null then 'malformed'
            when nullif(playback_id, '') is null then 'missing_playback_id'
            when nullif(subscriber_id, '') is null then 'missing_subscriber_id'
            when nullif(live_id, '') is null then 'missing_live_id'
            when event_at is null then 'missing_event_at'
            when state is null then 'missing_state'
            when playback_id similar to '\d+\.0+' then 'bad_playback_id'
            when subscriber_id similar to '\d+\.0+' then 'bad_subscriber_id'
            when live_id similar to '\d+\.0+' then 'bad_live_id'
            when sent is null then 'bad_event_at'
            when state not in ('playing', 'paused', 'buffering', 'seeking', 'ended')
                then 'bad_state'
            when sequence is not null and coalesce(try_cast(sequence as bigint), -1) < 0
                then 'odd_sequence'
            when position_s is not null and coalesce(try_cast(position_s as double), -1) < 0
                then 'odd_position_s'
            when coalesce(try_cast(playback_rate as double), 0) <= 0 then 'odd_playback_rate'
            when sent > received + interval 10 minutes then 'in_future'
            when received > sent + interval 35 days then 'too_late'
            when sent < '2015-01-01'::timestamptz then 'too_old'
            when device not in ('web', 'ios', 'android', 'tv', 'other') then 'odd_device'
            when surface not in
                ('home', 'search', 'artist', 'category', 'recommendation', 'external')
                then 'odd_surface'
        end as reason
    from timed
"""
"""Every heartbeat line as text, with its reject or warning reason by INTERFACES.md."""


@pytest.fixture(scope="module")
def heartbeats(landing):
    root = landing / "heartbeats"
    found = {kind: [str(path) for path in sorted(root.rglob(f"*.{kind}*"))] for kind in ("ndjson", "csv", "parquet")}
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        instant = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$"
        con.execute(JUDGED, {**found, "instant": instant, "typed": "%Y-%m-%dT%H:%M:%S.%gZ"})
        yield con


def records(landing, record_type):
    """Every record of a small record type, each value as text or None, with its file's name."""
    found = []
    for path in sorted((landing / record_type).iterdir()):
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        if path.suffix == ".csv":
            rows = list(csv.DictReader(text.splitlines()))
        else:
            rows = [json.loads(line) for line in text.splitlines()]
        found += [
            {"file": path.name}
            | {
                name: None if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in row.items()
            }
            for row in rows
        ]
    return found


def is_whole(text):
    return text is not None and text.lstrip("-").isdigit()


def is_day(text):
    try:
        return len(text) == 10 and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False


def is_instant(text):
    try:
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


CHECKS = {
    "artists": {"artist_id": bool, "name": bool, "left_on": is_day},
    "artist_categories": {
        "artist_id": bool,
        "category": {"emerging", "independent", "known"}.__contains__,
        "valid_from": is_day,
        "is_deleted": {"true", "false"}.__contains__,
    },
    "lives": {
        "live_id": bool,
        "title": bool,
        "kind": {"live", "documentary", "clip", "studio"}.__contains__,
        "exclusive": {"true", "false"}.__contains__,
        "duration_s": lambda text: is_whole(text) and int(text) > 0,
        "published_on": is_day,
        "recorded_on": is_day,
    },
    "live_credits": {
        "live_id": bool,
        "artist_id": bool,
        "share_bp": lambda text: is_whole(text) and 1 <= int(text) <= 10_000,
    },
    "subscriptions": {
        "period_id": bool,
        "subscriber_id": bool,
        "period_start": is_day,
        "period_end": is_day,
        "status": {"paid", "refunded", "void"}.__contains__,
        "updated_at": is_instant,
        "price_cents": lambda text: is_whole(text) and int(text) >= 0,
        "envelope_cents": lambda text: is_whole(text) and int(text) >= 0,
    },
}
OPTIONAL = {
    "left_on", "is_deleted", "published_on", "recorded_on", "updated_at", "price_cents",
    "envelope_cents",
}  # fmt: skip


def rejection(record_type, record):
    """The reason to reject a record by INTERFACES.md, or None."""
    checks = CHECKS[record_type] | ({"updated_at": is_instant})
    for field, holds in checks.items():
        value = record.get(field)
        if value is None and (field not in OPTIONAL or record_type == "subscriptions"):
            if field != "envelope_cents":
                return f"missing_{field}"
        elif value is not None and not holds(value):
            return f"bad_{field}"
    if record_type != "subscriptions":
        return None
    start, end = (dt.date.fromisoformat(record[f"period_{edge}"]) for edge in ("start", "end"))
    envelope = record.get("envelope_cents")
    flaws = {
        "period_order": end <= start,
        "period_too_long": (end - start).days > 35,
        "envelope_above_price": envelope and int(envelope) > int(record["price_cents"]),
    }
    return next((reason for reason, is_flawed in flaws.items() if is_flawed), None)


def accepted(landing, record_type):
    return [r for r in records(landing, record_type) if rejection(record_type, r) is None]


def latest(rows, *key):
    best = {}
    for row in sorted(rows, key=lambda row: row["updated_at"]):
        best[tuple(row[name] for name in key)] = row
    return best


def hashes(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_lands_the_same_bytes(landing, tmp_path):
    write_season(tmp_path / "again")
    assert hashes(tmp_path / "again") == hashes(landing)


def test_another_seed_is_another_season_and_as_sound(season):
    other = plan_season(7)
    assert 1_000_000 <= len(other.beats) <= 1_700_000
    assert len(other.beats) != season.heartbeats


def test_a_landing_with_files_is_refused_untouched(tmp_path):
    mine = tmp_path / "heartbeats" / "mine.ndjson"
    mine.parent.mkdir()
    mine.write_text("{}\n")
    with pytest.raises(LandingNotEmptyError, match=r"mine\.ndjson.*needs an empty one"):
        write_season(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


def test_files_are_delivered_whole_in_every_format(landing):
    names = [path.name for path in landing.rglob("*") if path.is_file()]
    assert not [name for name in names if name.endswith((".part", ".tmp")) or name[0] in "._"]
    kinds = Counter(name.split(".", 1)[1] for name in names if name.startswith("heartbeats-"))
    assert kinds == {"ndjson.gz": 95, "ndjson.zst": 7, "csv": 1, "parquet": 1}


def test_the_summary_counts_what_landed(season, heartbeats):
    lines, valid, distinct = heartbeats.execute(
        """
        select count(*), count(*) filter (reason is null),
            count(distinct (playback_id, event_at, state, position_s)) filter (reason is null)
        from landed
        """
    ).fetchone()
    assert distinct == season.heartbeats
    assert valid == season.heartbeats + season.redelivered_heartbeats
    assert 1_000_000 <= valid <= 1_600_000
    assert lines - valid == 46
    assert season.redelivered_heartbeats / season.heartbeats == pytest.approx(0.02, abs=0.002)
    assert season.files == sum(path.is_file() for path in season.landing_dir.rglob("*"))


def test_only_the_intended_lines_break_the_contract(season, landing, heartbeats):
    found = Counter(
        dict(
            heartbeats.execute(
                "select reason, count(*) from landed where reason is not null group by reason"
            ).fetchall()
        )
    )
    for record_type in CHECKS:
        reasons = (rejection(record_type, record) for record in records(landing, record_type))
        found += Counter(reason for reason in reasons if reason is not None)
    assert dict(found) == season.broken_lines
    assert sum(found.values()) == 61
    assert len(found) >= 20


def test_no_file_comes_near_the_limit_of_rejects(landing, heartbeats):
    (worst,) = heartbeats.execute(
        """
        select max(share) from (
            select count(reason) / count(*) as share, count(*) as lines
            from landed group by file
        ) where lines >= 200
        """
    ).fetchone()
    assert worst < 0.01
    for record_type in CHECKS:
        rows = records(landing, record_type)
        bad = Counter(r["file"] for r in rows if rejection(record_type, r) is not None)
        for file, lines in Counter(r["file"] for r in rows).items():
            assert lines < 200 or bad[file] / lines < 0.02


def test_cast_and_categories(landing):
    artists = latest(accepted(landing, "artists"), "artist_id")
    assert len(artists) == len({row["name"] for row in artists.values()}) == 50
    assert all(row["email"].endswith("@example.org") for row in artists.values())
    history = latest(accepted(landing, "artist_categories"), "artist_id", "valid_from")
    at_opening = [row for row in history.values() if row["valid_from"] < "2020-12-18"]
    assert Counter(row["category"] for row in at_opening) == {
        "emerging": 30, "independent": 14, "known": 6,
    }  # fmt: skip
    assert {row["artist_id"] for row in at_opening} == {artist for (artist,) in artists}
    changes = [row for row in history.values() if row["valid_from"] >= "2020-12-18" and row["is_deleted"] == "false"]
    assert sorted(row["category"] for row in changes) == ["independent", "independent", "known"]
    assert sum(row["is_deleted"] == "true" for row in history.values()) == 1
    assert [row["left_on"] for row in artists.values() if row["left_on"]] == ["2021-02-12"]


def test_bank_details(landing):
    rows = accepted(landing, "artists")
    ibans = [row["iban"] for row in latest(rows, "artist_id").values()]
    given = [iban for iban in ibans if iban is not None]
    assert len(ibans) - len(given) == 3
    assert len(set(given)) == len(given)
    turned = [int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 for iban in given]
    assert sum(remainder != 1 for remainder in turned) == 1
    assert sum(IBAN(iban, allow_invalid=True).is_valid for iban in given) == len(given) - 1
    assert Counter(iban[:2] for iban in given) == {"FR": 45, "BE": 1, "DE": 1}


def test_lives_and_credits_block_no_close(landing):
    lives = latest(accepted(landing, "lives"), "live_id")
    artists = {row["artist_id"] for row in accepted(landing, "artists")}
    sets = defaultdict(lambda: defaultdict(list))
    for row in accepted(landing, "live_credits"):
        sets[row["live_id"]][row["updated_at"]].append(row)
    assert set(sets) == {live for (live,) in lives}
    for by_instant in sets.values():
        newest = by_instant[max(by_instant)]
        assert sum(int(row["share_bp"]) for row in newest) == 10_000
        assert len({row["artist_id"] for row in newest}) == len(newest)
        assert {row["artist_id"] for row in newest} <= artists
    assert sum(len(by_instant) > 1 for by_instant in sets.values()) == 1
    counting = [
        row
        for row in lives.values()
        if row["kind"] == "live" and row["exclusive"] == "true" and int(row["duration_s"]) >= 1800
    ]
    assert 380 <= len(lives) <= 450
    assert 0.8 <= len(counting) / len(lives) <= 0.9
    assert all("2020-06-01" <= row["published_on"] <= "2021-03-31" for row in lives.values())
    festival = [row for row in counting if row["title"].startswith("Festival")]
    assert len(festival) == 15
    assert all(len(sets[row["live_id"]][row["updated_at"]]) >= 2 for row in festival)
    credited = {row["artist_id"] for live in counting for s in sets[live["live_id"]].values() for row in s}
    assert credited == artists


def test_subscriptions_settle_january_to_march(season, landing):
    rows = accepted(landing, "subscriptions")
    periods = latest(rows, "period_id").values()
    assert len(periods) == season.periods
    assert len({row["subscriber_id"] for row in periods}) == season.subscribers == 2_000
    months = Counter(
        (dt.date.fromisoformat(row["period_end"]) - dt.timedelta(days=1)).isoformat()[:7]
        for row in periods
        if row["status"] == "paid" and row["price_cents"] != "0"
    )
    assert sorted(months) == [*MONTHS, "2021-04"]
    assert all(months[m.month] == m.settled_periods > 900 for m in season.months)
    assert min(row["period_end"] for row in periods) > "2021-01-01"
    refunds = [row for row in periods if row["status"] == "refunded"]
    assert len(refunds) == season.refunds
    assert 0.008 <= len(refunds) / len(periods) <= 0.022
    both = Counter(row["period_id"] for row in rows)
    assert all(both[row["period_id"]] == 2 for row in refunds)
    assert {(row["price_cents"], row.get("envelope_cents")) for row in periods} == {
        ("499", "100"), ("499", None), ("0", "0"),
    }  # fmt: skip


def test_subscribers_come_leave_and_come_back(landing):
    stretches = defaultdict(list)
    for row in latest(accepted(landing, "subscriptions"), "period_id").values():
        if row["status"] == "paid":
            stretches[row["subscriber_id"]].append((row["period_start"], row["period_end"]))
    pairs = [
        (earlier, later)
        for spans in (sorted(spans) for spans in stretches.values())
        for earlier, later in pairwise(spans)
    ]
    assert all(later[0] >= earlier[1] for earlier, later in pairs)
    assert sum(later[0] > earlier[1] for earlier, later in pairs) > 50
    gone = [spans for spans in stretches.values() if max(end for _, end in spans) <= "2021-03-31"]
    assert 200 < len(gone) < 800


def test_watching_happens_in_subscribed_days_of_published_lives(landing, heartbeats):
    opened = {live: row["published_on"] for (live,), row in latest(accepted(landing, "lives"), "live_id").items()}
    spans = defaultdict(list)
    for row in accepted(landing, "subscriptions"):
        spans[row["subscriber_id"]].append((row["period_start"], row["period_end"]))
    begun = heartbeats.execute(
        """
        select subscriber_id, live_id, min(day)::varchar from landed
        where reason is null group by playback_id, subscriber_id, live_id
        """
    ).fetchall()
    after_midnight = 0
    for subscriber, live, day in begun:
        assert opened[live] <= day
        eve = (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()
        if not any(start <= day < end for start, end in spans[subscriber]):
            assert any(start <= eve < end for start, end in spans[subscriber])
            after_midnight += 1
    assert after_midnight < len(begun) / 100


def test_evenings_and_weekends_are_the_peaks(heartbeats):
    hours = dict(
        heartbeats.execute(
            """
            select hour(timezone('Europe/Paris', sent)), count(*) from landed
            where reason is null group by all
            """
        ).fetchall()
    )
    assert max(hours, key=hours.get) in {20, 21, 22}
    assert min(hours, key=hours.get) in {4, 5, 6, 7}
    assert sum(hours[hour] for hour in range(19, 24)) > 0.4 * sum(hours.values())
    days = dict(
        heartbeats.execute("select isodow(day), count(*) from landed where reason is null group by all").fetchall()
    )
    assert max(days, key=days.get) == 6
    assert days[5] + days[6] + days[7] > 0.5 * sum(days.values())
    (first, last, seen) = heartbeats.execute(
        "select min(day), max(day), count(distinct day) from landed where reason is null"
    ).fetchone()
    assert (first, last) == (dt.date(2020, 12, 18), dt.date(2021, 3, 31))
    assert seen == 104


def test_players_behave_like_players(heartbeats):
    """Playbacks have regular beats, all states, stalls and sleeps over 12 h, and cross midnights."""
    regular, stalls, sleeps, backwards, midnights = heartbeats.execute(
        """
        with beats as (
            select distinct playback_id, sent, day, state, position_s::double as position_s
            from landed where reason is null
        ),
        steps as (
            select *,
                epoch_ms(lead(sent) over w) - epoch_ms(sent) as gap_ms,
                lead(position_s) over w as next_position_s,
                lead(day) over w as next_day
            from beats window w as (partition by playback_id order by sent)
        )
        select
            avg((gap_ms between 9500 and 10500)::int),
            count(*) filter (state = 'playing' and next_position_s = position_s),
            count(*) filter (gap_ms > 12 * 3600 * 1000),
            count(*) filter (next_position_s < position_s),
            count(distinct playback_id) filter (next_day = day + 1 and gap_ms < 60000)
        from steps where gap_ms is not null
        """
    ).fetchone()
    assert regular > 0.95
    assert stalls > 1_000
    assert sleeps > 30
    assert backwards > 500
    assert midnights > 300
    states = heartbeats.execute("select distinct state from landed where reason is null").fetchall()
    assert {state for (state,) in states} == {"playing", "paused", "buffering", "seeking", "ended"}


def test_apps_are_updated_and_never_go_back(heartbeats):
    """A version belongs to one device, updates spread over weeks, and no app goes back to an older version."""
    assert heartbeats.execute(
        "select device, count(distinct app_version), count(*) = count(app_version) from landed where reason is null "
        "group by all order by 1"
    ).fetchall() == [
        ("android", 3, True), ("ios", 4, True), ("other", 0, False), ("tv", 2, True), ("web", 0, False),
    ]  # fmt: skip
    assert heartbeats.execute(
        "select count(*) from landed where reason is null and not starts_with(app_version, device || ' ')"
    ).fetchone() == (0,)
    assert heartbeats.execute(
        "select count(*) from (select app_version < lag(app_version) over (partition by subscriber_id, device "
        "order by sent) as is_older from (select subscriber_id, device, playback_id, app_version, min(sent) as sent "
        "from landed where reason is null group by all)) where is_older"
    ).fetchone() == (0,)


def test_late_uploads_have_files_of_their_own(season, heartbeats):
    late, fastest_h, slowest_h, after_month_end = heartbeats.execute(
        """
        select count(*), min(epoch(received) - epoch(sent)) / 3600,
            max(epoch(received) - epoch(sent)) / 3600,
            count(*) filter (month(timezone('Europe/Paris', received)) <> month(day))
        from landed where file like '%/late/%'
        """
    ).fetchone()
    assert late == season.late_heartbeats
    assert fastest_h >= 2
    assert slowest_h < 24 * 34
    assert after_month_end > 1_000


def test_the_figures_are_those_of_the_landed_files(season, landing, heartbeats):
    counting = [
        live
        for (live,), row in latest(accepted(landing, "lives"), "live_id").items()
        if row["kind"] == "live" and row["exclusive"] == "true" and int(row["duration_s"]) >= 1800
    ]
    watched = dict(
        heartbeats.execute(
            """
            with beats as (
                select distinct playback_id, live_id, sent, day, state, position_s from landed
                where reason is null
            ),
            credits as (
                select *,
                    case
                        when state = 'playing' and coalesce(lead(position_s) over w <> position_s, true)
                        then least(epoch_ms(lead(sent, 1, sent) over w) - epoch_ms(sent), 30000)
                    end as credit_ms
                from beats window w as (partition by playback_id order by sent)
            )
            select strftime(day, '%Y-%m'), sum(credit_ms) / 3600000 from credits
            where live_id in (select unnest($counting)) group by all
            """,
            {"counting": counting},
        ).fetchall()
    )
    for month in season.months:
        assert month.watch_hours == pytest.approx(watched[month.month], rel=1e-9)


def test_the_season_is_believable(season):
    assert tuple(m.month for m in season.months) == MONTHS
    for month in season.months:
        assert 0.5 < month.hours_per_watcher < 3
        assert 0.08 < month.idle_share < 0.16
        assert 0.30 < month.category_shares["emerging"] < 0.5
        assert sum(month.category_shares.values()) == pytest.approx(1)
        assert 0.04 < month.top_artist_share < 0.12
    assert any("2021-02" in line and "emerging" in line for line in season.lines())
