"""Rules that the dbt project states in macros, tested without dbt: both engines' watch time, and the pool."""

from random import Random

import duckdb
import pytest

from tests.mutants.macros import load_macros
from tests.oracle.landed_records import Heartbeat, paris_day
from tests.oracle.player_health import health_of
from tests.oracle.watch_time import WatchTime

STATES = ("playing", "playing", "playing", "paused", "seeking")
SIGNS = (
    "heartbeats",
    "playing_heartbeats",
    "unpositioned_heartbeats",
    "tied_heartbeats",
    "frozen_heartbeats",
    "frozen_ms",
    "sparse_heartbeats",
    "uncounted_ms",
    "outrunning_heartbeats",
)
MIDNIGHT_MS = 1_612_134_000_000  # 2021-02-01 00:00 in Paris


def random_playback(playback_id: str, random: Random) -> list[Heartbeat]:
    """Draw from a few instants around midnight, so that many are shared; every sequence and position is likely."""
    return [
        Heartbeat(
            event_id="e",
            playback_id=playback_id,
            subscriber_id=random.choice(("s", "t")),
            live_id="l",
            event_at=MIDNIGHT_MS + random.choice((-86_400_000, -20_000, -1, 0, 1, 9_000, 30_001)),
            state=random.choice(STATES),
            sequence=random.choice((None, 0, 1, 9, 10)),
            position_ms=random.choice((None, 0, 5_000, 2**34)),
        )
        for _ in range(random.randint(1, 6))
    ]


@pytest.mark.parametrize("variants", [("duckdb", "default"), ("default",)])
def test_each_engine_credits_as_the_rules_say(variants: tuple[str, ...]) -> None:
    random = Random(7)
    heartbeats = [beat for i in range(400) for beat in random_playback(f"p{i}", random)]
    redelivered = random.sample(heartbeats, 100)
    rows = [
        (
            beat.playback_id,
            beat.subscriber_id,
            beat.live_id,
            beat.event_at,
            paris_day(beat.event_at),
            beat.state,
            beat.sequence or 0,
            beat.position_ms,
            batch_number,
        )
        for batch_number, delivered in enumerate((heartbeats, redelivered))
        for beat in delivered
    ]
    watch_time = load_macros(*variants).watch_time("select * from delivered")
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "create table delivered (playback_id varchar, subscriber_id varchar, live_id varchar, event_ms bigint, "
            "event_day date, state varchar, sequence bigint, position_ms bigint, "
            "event_at timestamptz, device varchar, surface varchar, batch_number bigint)"
        )
        con.executemany(
            "insert into delivered by name select $1 as playback_id, $2 as subscriber_id, $3 as live_id, "
            "$4 as event_ms, $5 as event_day, $6 as state, $7 as sequence, $8 as position_ms, "
            "make_timestamptz($4 * 1000) as event_at, $9 as batch_number",
            rows,
        )
        found = con.execute(
            f"with {watch_time} select playback_id, subscriber_id, live_id, event_day, watch_ms from final"
        ).fetchall()
    expected = WatchTime.of(heartbeats).by_playback_day()
    assert {(row[:3], row[3]): row[4] for row in found} == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("variants", [("duckdb", "default"), ("default",)])
def test_each_engine_counts_the_signs_of_players_alike(variants: tuple[str, ...]) -> None:
    """docs/adr/0027: compare both engines' player health with a second count in Python."""
    random = Random(11)
    heartbeats = [beat for i in range(600) for beat in random_player(f"p{i}", random)]
    rows = [
        (
            *(beat.playback_id, beat.subscriber_id, beat.live_id, beat.event_at, paris_day(beat.event_at), beat.state),
            *(beat.sequence or 0, beat.position_ms, beat.device, beat.app_version),
        )
        for beat in [*heartbeats, *random.sample(heartbeats, 200)]
    ]
    with duckdb.connect() as con:
        con.execute(
            "create table delivered (playback_id varchar, subscriber_id varchar, live_id varchar, event_ms bigint, "
            "event_day date, state varchar, sequence bigint, position_ms bigint, device varchar, app_version varchar, "
            "batch_number bigint default 1)"
        )
        con.executemany("insert into delivered values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, default)", rows)
        player_days = load_macros(*variants).player_days("select * from delivered")
        sums = ", ".join(f"sum({name})" for name in SIGNS)
        found = con.execute(
            f"with {player_days} select event_day, coalesce(device, ''), app_version, count(*), {sums} from final "
            "group by all"
        ).fetchall()
    health = health_of(heartbeats, {}, WatchTime.of(heartbeats))
    expected = {
        tuple(player): (one.playbacks, *(getattr(one, name) for name in SIGNS)) for player, one in health.items()
    }
    assert {row[:3]: row[3:] for row in found} == expected
    # Each sign occurs: otherwise nothing was compared.
    assert all(sum(row[3:][place] for row in found) > 0 for place in range(len(SIGNS) + 1))


def random_player(playback_id: str, random: Random) -> list[Heartbeat]:
    """A player of one version, with gaps and positions at and next to the limits of every sign."""
    at = MIDNIGHT_MS - 40_000
    position_ms = random.choice((0, 2**34 - 5_000, 2**34 + 5_000))
    sequences = random.choice(((None, 0), (None, 0, 1, 2)))
    device = random.choice((None, "ios", "web"))
    beats = []
    for _ in range(random.randint(1, 8)):
        beats.append(
            Heartbeat(
                event_id="e",
                playback_id=playback_id,
                subscriber_id="s",
                live_id="l",
                event_at=at,
                state=random.choice(STATES),
                sequence=random.choice(sequences),
                position_ms=random.choice((None, position_ms, position_ms)),
                device=device,
                app_version=device and random.choice((None, "4.2", "4.10")),
            )
        )
        gap_ms = random.choice((0, 0, 1, 10_000, 29_999, 30_000, 30_001, 300_000, 300_001))
        at += gap_ms
        position_ms += random.choice((0, 1, gap_ms, 2 * gap_ms + 1_000, 2 * gap_ms + 1_001, -gap_ms))
        position_ms = max(position_ms, 0)
    return beats


def test_the_pool_does_not_look_at_watch_time() -> None:
    """RULES.md §5.4: the parts are equal, so that fake watching gains nothing from the pool."""
    query = f"""
        with members(settlement_month, artist_id) as (values ('2021-02', 'a'), ('2021-02', 'b')),
        months(settlement_month, pool_rule) as (values ('2021-02', 'equal')),
        pools(settlement_month, pool_nanos) as (values ('2021-02', 10)),
        directs(settlement_month, artist_id, direct_nanos, watch_ms) as (
            values ('2021-02', 'a', 300, 3000), ('2021-02', 'b', 100, 1000)
        ),
        {load_macros("duckdb", "default").pool_shares()}
        select artist_id, pool_nanos from pool_shares order by artist_id
    """
    assert duckdb.sql(query).fetchall() == [("a", 5), ("b", 5)]
