"""The second computation of watch time, in one pass over the days, equals the oracle's at any memory limit."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from allive.ingestion.raw_versions import Records
from allive.payouts.verification import watching
from allive.payouts.verification.watching import watched_days
from tests.oracle import Heartbeat, WatchTime, instant, paris_day

pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
FIRST_DAY = date(2021, 3, 26)
"""Two days before the clocks go forward."""
DAYS = [FIRST_DAY + timedelta(days=number) for number in range(9)]
ENOUGH = 10**9


def beat(playback: str, event_at: str | int, state: str = "playing", **more: Any) -> Heartbeat:
    at = instant(event_at) if isinstance(event_at, str) else event_at
    return Heartbeat("e", playback, more.pop("subscriber", "sub"), more.pop("live", "live"), at, state, **more)


STRAYS = "event_day=__HIVE_DEFAULT_PARTITION__"


def write(
    folder: Path, heartbeats: Iterable[Heartbeat], *, batch_number: int = 1, stray_days: Collection[date] = ()
) -> None:
    """Write each Paris day's heartbeats into two files in its folder, as the raw layer does; strays share two files."""
    files: defaultdict[Path, list[dict[str, Any]]] = defaultdict(list)
    for number, one in enumerate(heartbeats):
        on = paris_day(one.event_at)
        day = folder / (STRAYS if on in stray_days else f"event_day={on}")
        files[day / f"batch-{batch_number}-{number % 2}.parquet"].append(
            {
                "playback_id": one.playback_id,
                "subscriber_id": one.subscriber_id,
                "live_id": one.live_id,
                "event_at": datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=one.event_at),
                "state": one.state,
                "sequence": one.sequence,
                "position_ms": one.position_ms,
                "batch_number": batch_number,
                **({"app_version": "ios 4"} if number % 3 else {}),
            }
        )
    for path, rows in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        types = {
            "app_version": pl.String,
            "event_at": pl.Datetime("us", "UTC"),
            "sequence": pl.Int64,
            "position_ms": pl.Int64,
        }
        pl.DataFrame(rows, schema_overrides=types).write_parquet(path)


def records(folder: Path, up_to: int | None = None) -> Records:
    return Records(tuple(folder.glob("*/*.parquet")), up_to)


def watched(pinned: Records, covered: Collection[date], *, at_once: int = ENOUGH) -> dict[tuple[str, str, date], int]:
    memory_bytes = at_once * watching._BYTES_A_HEARTBEAT
    rows = watched_days(pinned, covered, memory_bytes=memory_bytes).select(
        "subscriber_id", "live_id", "day", "watch_ms"
    )
    return {(subscriber, live, day): watch_ms for subscriber, live, day, watch_ms in rows.iter_rows()}


def expected(heartbeats: Iterable[Heartbeat], covered: Collection[date]) -> dict[tuple[str, str, date], int]:
    by_day = WatchTime.of(heartbeats).by_day()
    return {key: watch_ms for key, (watch_ms, _) in by_day.items() if key[2] in covered}


def random_heartbeats(rng: Random) -> list[Heartbeat]:
    """A few playbacks over some days: often around midnight, often at one instant, with ids shared by subscribers."""
    heartbeats = []
    for _ in range(rng.randrange(3, 30)):
        more = {"subscriber": rng.choice(("sub-1", "sub-2", "Sub-é")), "live": rng.choice(("live-1", "live-2"))}
        playback = f"play-{rng.randrange(8)}"
        midnight = instant(f"{rng.choice(DAYS[:7])}T22:00:00Z") + rng.choice((0, 3_600_000))
        now = midnight - rng.choice((0, 1, 10_000, 25_000, 60_000, 7_200_000))
        position_ms = 0
        for _ in range(rng.randrange(1, 8)):
            state = rng.choice(("playing", "playing", "playing", "paused", "other", "ended"))
            sequence, position = rng.choice((None, 0, 1, 2)), rng.choice((None, 0, position_ms))
            heartbeats.append(beat(playback, now, state, sequence=sequence, position_ms=position, **more))
            heartbeats += heartbeats[-1:] * (rng.random() < 0.1)
            gap_ms = rng.choice((0, 0, 1, 9_999, 29_999, 30_000, 30_001, 3_600_000, DAY_MS, 2 * DAY_MS))
            now, position_ms = now + gap_ms, position_ms + rng.choice((0, 10_000))
            if paris_day(now) > DAYS[-1]:
                break
    rng.shuffle(heartbeats)
    return heartbeats


@pytest.mark.parametrize("seed", range(30))
def test_however_little_is_held_at_a_time_it_is_what_the_oracle_has(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    heartbeats = random_heartbeats(rng)
    write(tmp_path, heartbeats)
    covered = {day for day in DAYS if rng.random() < 0.6}
    for at_once in (1, rng.randrange(2, 12), ENOUGH):
        assert watched(records(tmp_path), covered, at_once=at_once) == expected(heartbeats, covered)


@pytest.mark.parametrize("seed", range(100, 115))
def test_strays_count_on_their_own_days_whichever_file_the_others_are_in(tmp_path: Path, seed: int) -> None:
    """Files without a day hold all heartbeats of some days, and a later batch of every day."""
    rng = Random(seed)
    heartbeats = random_heartbeats(rng)
    stray_days = {day for day in DAYS if rng.random() < 0.5}
    write(tmp_path, heartbeats[::2], stray_days=stray_days)
    write(tmp_path, heartbeats[1::2], batch_number=2, stray_days=DAYS)
    covered = {day for day in DAYS if rng.random() < 0.6}
    for at_once in (1, rng.randrange(2, 12), ENOUGH):
        assert watched(records(tmp_path), covered, at_once=at_once) == expected(heartbeats, covered)
    assert watched(records(tmp_path, up_to=1), covered) == expected(heartbeats[::2], covered)


def test_a_playback_waits_for_its_next_heartbeat_over_days_that_nobody_paid_for(tmp_path: Path) -> None:
    heartbeats = [
        beat("play", "2021-03-01T20:00:00Z"),
        beat("play", "2021-03-20T20:00:00Z"),
        beat("play", "2021-03-20T20:00:10Z", "ended"),
        beat("other", "2021-03-20T20:00:00Z"),
        beat("other", "2021-03-20T20:00:10Z", "ended"),
    ]
    write(tmp_path, heartbeats)
    day = date(2021, 3, 1)
    assert watched(records(tmp_path), {day}) == {("sub", "live", day): 30_000}


def test_the_last_heartbeat_of_a_playback_earns_nothing(tmp_path: Path) -> None:
    write(tmp_path, [beat("play", "2021-03-01T20:00:00Z"), beat("another", "2021-03-05T20:00:00Z")])
    assert watched(records(tmp_path), {date(2021, 3, 1)}) == {}


def test_batches_that_the_run_had_not_seen_do_not_count(tmp_path: Path) -> None:
    seen = [beat("play", "2021-03-01T20:00:00Z"), beat("play", "2021-03-02T20:00:00Z", "ended")]
    write(tmp_path, seen, batch_number=1)
    write(tmp_path, [beat("play", "2021-03-01T20:00:05Z", "paused")], batch_number=2)
    day = date(2021, 3, 1)
    assert watched(records(tmp_path, up_to=1), {day}) == {("sub", "live", day): 30_000}
    assert watched(records(tmp_path), {day}) == {("sub", "live", day): 5_000}


def test_without_heartbeats_nothing_was_watched() -> None:
    assert watched(Records((), None), {FIRST_DAY}) == {}


def test_each_file_of_a_covered_day_is_read_once_and_others_only_while_something_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month used to be read once per two million of its heartbeats."""
    days = [date(2021, 3, number) for number in range(1, 11)]
    heartbeats = [
        beat(f"play-{number}-{day}", f"{day}T20:00:{second:02}Z", "ended" if second else "playing")
        for day in days
        for number in range(20)
        for second in (0, 10)
    ]
    waits = beat("waits", "2021-03-05T20:00:00Z")
    write(tmp_path, [*heartbeats, waits, replace(waits, event_at=waits.event_at + 2 * DAY_MS, state="ended")])
    read: Counter[str] = Counter()
    scan = pl.scan_parquet

    def count(paths: list[Path], **options: Any) -> pl.LazyFrame:
        read.update(path.parent.name.removeprefix("event_day=") for path in paths)
        return scan(paths, **options)

    monkeypatch.setattr(pl, "scan_parquet", count)
    covered = days[2:5]
    assert watched(records(tmp_path), covered, at_once=45) == expected([*heartbeats, waits], covered) | {
        ("sub", "live", days[4]): 20 * 10_000 + 30_000
    }
    # Days 6 and 7 are read for the one playback that waits; earlier and later days are not read.
    assert read == {f"2021-03-{number:02}": 2 for number in range(3, 8)}


def test_a_heartbeat_in_the_folder_of_another_day_is_an_error(tmp_path: Path) -> None:
    """One second before midnight in Paris; in UTC the day would be the same."""
    write(tmp_path, [beat("play", "2021-03-01T22:59:59Z")])
    (tmp_path / "event_day=2021-03-01").rename(tmp_path / "event_day=2021-03-02")
    with pytest.raises(ValueError, match="the files of 2021-03-02 hold heartbeats from 2021-03-01 23:59:59"):
        watched(records(tmp_path), {date(2021, 3, 2)})
