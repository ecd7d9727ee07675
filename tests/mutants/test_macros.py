"""Rules that the dbt project says in macros, run apart from dbt: both engines' watch time, and the pool."""

from random import Random

import duckdb
import pytest

from tests.mutants.macros import load_macros
from tests.oracle.landed_records import Heartbeat, paris_day
from tests.oracle.watch_time import WatchTime

STATES = ("playing", "playing", "playing", "paused", "seeking")
MIDNIGHT_MS = 1_612_134_000_000  # 2021-02-01 00:00 in Paris


def random_playback(playback_id: str, random: Random) -> list[Heartbeat]:
    """Few instants on both sides of midnight, so that many are shared; every sequence and position is likely."""
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


def test_the_pool_does_not_look_at_watch_time() -> None:
    """RULES.md §5.4: equal parts, so that fake watching pulls nothing out of the pool."""
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
