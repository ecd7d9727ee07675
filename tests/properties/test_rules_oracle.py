"""The properties that must always hold (RULES.md §8), row by row, checked on the oracle, so that it can be trusted."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import (
    Artist,
    CategoryChange,
    Credit,
    Heartbeat,
    History,
    Live,
    Settlement,
    Snapshot,
    Subscription,
    WatchTime,
    instant,
    read_landing,
    settle,
)
from tests.oracle.history import months_with_periods
from tests.oracle.settlement import NANOS_PER_CENT, largest_remainder, months_later
from tests.oracle.watch_time import GAP_CAP_MS
from tests.worlds import World

SEEDS = range(6)
exhaustively = settings(max_examples=150, derandomize=True, database=None)
SnapshotOf = Callable[[int], Snapshot]


@pytest.fixture(scope="module")
def snapshot_of(tmp_path_factory: pytest.TempPathFactory) -> SnapshotOf:
    """The snapshot of a seed's world after all of it has landed."""
    known: dict[int, Snapshot] = {}

    def read(seed: int) -> Snapshot:
        if seed not in known:
            landing = tmp_path_factory.mktemp(f"world-{seed}")
            World.random(seed).deliver_all(landing)
            known[seed] = read_landing(landing)
        return known[seed]

    return read


def settle_all(data: Snapshot, watch: WatchTime | None = None) -> dict[str, Settlement]:
    """Settle every settlement month of a snapshot, on its own or on other watch time."""
    history = History()
    return {
        month: settle(
            month,
            history.periods_of(month, data),
            watch=watch or data.watch,
            catalogue=data.catalogue,
            artists=data.artists,
        )
        for month in months_with_periods(data, history)
    }


def with_heartbeats(data: Snapshot, heartbeats: list[Heartbeat]) -> Snapshot:
    return Snapshot(data.records | {"heartbeats": heartbeats})


@pytest.mark.parametrize("seed", SEEDS)
def test_conservation_direct_and_pool_shares_are_the_envelopes(seed: int, snapshot_of: SnapshotOf) -> None:
    for settled in settle_all(snapshot_of(seed)).values():
        shared = sum(settled.direct_nanos.values()) + sum(settled.pool_nanos.values())
        assert shared == settled.envelope_nanos == sum(settled.earned_nanos.values())
        assert sum(settled.earned_cents.values()) * NANOS_PER_CENT == settled.envelope_nanos
        assert sum(settled.pro_rata_nanos.values()) == settled.envelope_nanos


@pytest.mark.parametrize("seed", SEEDS)
def test_conservation_cents_paid_and_carried_are_what_came_in(seed: int, tmp_path: Path) -> None:
    history = History()
    for month in World.random(seed).deliver_by_month(tmp_path, late=0.3):
        run = history.close(month, read_landing(tmp_path))
        for line in run.lines:
            came_in = line.brought_forward_cents + line.earned_cents + line.adjustment_cents
            assert line.paid_cents + line.carried_forward_cents == came_in
            assert line.paid_cents >= 0


@pytest.mark.parametrize("seed", SEEDS)
def test_per_subscriber_slices_sum_to_the_envelope(seed: int, snapshot_of: SnapshotOf) -> None:
    for settled in settle_all(snapshot_of(seed)).values():
        envelopes: dict[str, int] = {}
        for one in settled.slices:
            envelopes[one.period_id] = envelopes.get(one.period_id, 0) + one.amount_nanos
        assert set(envelopes) == set(settled.periods)
        assert all(nanos and nanos % NANOS_PER_CENT == 0 for nanos in envelopes.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_watch_time_not_views_cutting_playbacks_changes_no_cent(seed: int, snapshot_of: SnapshotOf) -> None:
    data = snapshot_of(seed)
    rng = random.Random(seed)
    cuts: dict[tuple[str, ...], tuple[object, ...]] = {}
    for heartbeat in data.records["heartbeats"]:
        if heartbeat.state == "playing" and rng.random() < 0.3:
            cuts.setdefault(playback_of(heartbeat), in_order(heartbeat))
    cut = []
    for heartbeat in data.records["heartbeats"]:
        at = cuts.get(playback_of(heartbeat))
        second = replace(heartbeat, playback_id=f"{heartbeat.playback_id}/2")
        if at is None or in_order(heartbeat) <= at:
            cut.append(heartbeat)
        if at is not None and in_order(heartbeat) >= at:
            cut.append(second)
    assert cuts
    again = with_heartbeats(data, cut)
    assert len(again.watch.playbacks) > len(data.watch.playbacks)
    assert settle_all(again) == settle_all(data)


def playback_of(heartbeat: Heartbeat) -> tuple[str, ...]:
    return heartbeat.playback_id, heartbeat.subscriber_id, heartbeat.live_id


def in_order(heartbeat: Heartbeat) -> tuple[object, ...]:
    """The order of RULES.md §3.2, written a second time."""
    position_ms = -1 if heartbeat.position_ms is None else heartbeat.position_ms
    return heartbeat.event_at, heartbeat.sequence or 0, heartbeat.state, position_ms


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("factor", [2, 7, 1_000])
def test_scale_free_stretching_watch_time_changes_no_slice(seed: int, factor: int, snapshot_of: SnapshotOf) -> None:
    data = snapshot_of(seed)
    subscriber_id = min(period.subscriber_id for period in data.periods.values())
    stretched = WatchTime(
        {
            key: replace(playback, days={day: ms * factor for day, ms in playback.days.items()})
            if key.subscriber_id == subscriber_id
            else playback
            for key, playback in data.watch.playbacks.items()
        }
    )
    assert stretched.by_day() != data.watch.by_day()
    for month, settled in settle_all(data).items():
        again = settle_all(data, stretched)[month]
        assert [one._replace(weight=0) for one in again.slices] == [one._replace(weight=0) for one in settled.slices]
        assert again.earned_nanos == settled.earned_nanos


@pytest.mark.parametrize("seed", SEEDS)
def test_fraud_bounded_by_the_subscribers_own_envelopes(seed: int, snapshot_of: SnapshotOf) -> None:
    data, rng = snapshot_of(seed), random.Random(seed)
    honest = settle_all(data)
    heartbeats = data.records["heartbeats"]
    lives = sorted(set(data.catalogue.lives) - {"live-unfinished"})
    for subscriber_id in sorted({period.subscriber_id for period in data.periods.values()}):
        others = [one for one in heartbeats if one.subscriber_id != subscriber_id]
        stolen = [
            replace(one, subscriber_id=subscriber_id, live_id=rng.choice(lives)) for one in rng.sample(heartbeats, 200)
        ]
        for forged in ([], stolen):
            cheated = settle_all(with_heartbeats(data, [*others, *forged]))
            for month, settled in honest.items():
                bound = sum(one.amount_nanos for one in settled.slices if one.subscriber_id == subscriber_id)
                before, after = settled.earned_nanos, cheated[month].earned_nanos
                for artist_id in {*before, *after}:
                    moved = after.get(artist_id, 0) - before.get(artist_id, 0)
                    assert abs(moved) <= bound, (month, subscriber_id, artist_id)


@pytest.mark.parametrize("seed", SEEDS)
def test_additive_direct_amounts_of_two_sets_of_subscribers(seed: int, snapshot_of: SnapshotOf) -> None:
    data, rng = snapshot_of(seed), random.Random(seed)
    subscribers = sorted({period.subscriber_id for period in data.periods.values()})
    ones = set(rng.sample(subscribers, len(subscribers) // 2))
    parts = [
        Snapshot(
            data.records
            | {
                "subscriptions": [
                    one for one in data.records["subscriptions"] if (one.subscriber_id in ones) is belongs
                ]
            }
        )
        for belongs in (True, False)
    ]
    settled_parts = [settle_all(part) for part in parts]
    for month, together in settle_all(data).items():
        directs = [part[month].direct_nanos for part in settled_parts if month in part]
        added = {artist_id: sum(direct.get(artist_id, 0) for direct in directs) for artist_id in set().union(*directs)}
        assert added == together.direct_nanos


@pytest.mark.parametrize("seed", SEEDS)
def test_order_free_for_open_months(seed: int, snapshot_of: SnapshotOf, tmp_path: Path) -> None:
    world = World.random(seed)
    for number, formats in enumerate([("ndjson",), ("csv", "csv.gz"), ("parquet", "jsonl")]):
        landing = tmp_path / str(number)
        rng = random.Random(number)
        for _ in world.deliver(landing, batches=4, rng=rng, formats=formats):
            pass
        again, once = read_landing(landing), snapshot_of(seed)
        assert again.watch.by_day() == once.watch.by_day()
        assert again.watch.sessions() == once.watch.sessions()
        assert settle_all(again) == settle_all(once)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_free_in_the_totals_of_closed_months(seed: int, tmp_path: Path) -> None:
    world = World.random(seed)
    late_history, prompt_history = History(), History()
    for month in world.deliver_by_month(tmp_path, late=0.4):
        late_history.close(month, read_landing(tmp_path))
    everything = read_landing(tmp_path)
    for month in world.months:
        prompt_history.close(month, everything)
    after = months_later(world.months[-1], 1)
    late_history.close(after, everything)
    prompt_history.close(after, everything)
    for month in world.months:
        late, prompt = (
            {artist_id: cents for artist_id, cents in history.booked_cents[month].items() if cents}
            for history in (late_history, prompt_history)
        )
        assert late == prompt
    assert any(run.adjustments for run in late_history.runs.values())
    assert not any(run.adjustments for run in prompt_history.runs.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_sum_paid_and_balance_are_all_that_was_booked(seed: int, tmp_path: Path) -> None:
    history = History()
    for month in World.random(seed).deliver_by_month(tmp_path, late=0.4):
        history.close(month, read_landing(tmp_path))
    artists = {line.artist_id for run in history.runs.values() for line in run.lines}
    for artist_id in artists:
        paid = sum(
            line.paid_cents for run in history.runs.values() for line in run.lines if line.artist_id == artist_id
        )
        booked = sum(cents.get(artist_id, 0) for cents in history.booked_cents.values())
        assert paid + history.balances.get(artist_id, 0) == booked


def test_not_pro_rata_each_artist_gets_the_same_euro() -> None:
    records: list[object] = []
    for name, minutes in (("much", 600), ("little", 6)):
        start = datetime(2021, 2, 5, 12, tzinfo=UTC)
        records += [
            Artist(f"art-{name}", name),
            CategoryChange(f"art-{name}", "emerging", date(2020, 1, 1)),
            Live(f"live-{name}", name, "live", exclusive=True, duration_s=3600),
            Credit(f"live-{name}", f"art-{name}", 10_000),
            Subscription(f"in-{name}", f"sub-{name}", date(2021, 2, 1), date(2021, 3, 1), "paid", 0),
        ]
        records += [
            Heartbeat(
                f"{name}-{number}",
                f"pb-{name}",
                f"sub-{name}",
                f"live-{name}",
                instant((start + number * timedelta(seconds=30)).isoformat()),
                "playing",
            )
            for number in range(minutes * 2 + 1)
        ]
    data = Snapshot.of(records)
    assert sum(data.watch.by_playback().values()) == 606 * 60_000
    settled = settle_all(data)["2021-02"]
    assert settled.earned_cents == {"art-little": 100, "art-much": 100}
    assert settled.pro_rata_nanos["art-much"] > 1_900_000_000


@exhaustively
@given(
    total=st.integers(0, 10**13),
    weights=st.dictionaries(st.text(max_size=3), st.integers(1, 10**15), min_size=1, max_size=8),
)
def test_largest_remainder_is_exact_and_off_by_less_than_one(total: int, weights: dict[str, int]) -> None:
    parts = largest_remainder(total, weights)
    whole = sum(weights.values())
    assert sum(parts.values()) == total
    for key, part in parts.items():
        assert abs(part * whole - total * weights[key]) < whole
    by_remainder = sorted(parts, key=lambda key: (-(total * weights[key] % whole), key))
    rounded_up = [parts[key] > total * weights[key] // whole for key in by_remainder]
    assert rounded_up == sorted(rounded_up, reverse=True)


BEATS = st.lists(
    st.builds(
        Heartbeat,
        event_id=st.just("ev"),
        playback_id=st.sampled_from(["pb-1", "pb-2"]),
        subscriber_id=st.just("sub"),
        live_id=st.just("live"),
        event_at=st.integers(1_614_550_000_000, 1_614_555_000_000)
        | st.sampled_from([1_614_553_200_000, 1_614_553_199_999]),
        state=st.sampled_from(["playing", "paused"]),
        sequence=st.none() | st.integers(0, 2),
        position_ms=st.none() | st.integers(0, 3),
    ),
    max_size=12,
)


@exhaustively
@given(beats=BEATS, data=st.data())
def test_order_and_redelivery_change_no_watch_time(beats: list[Heartbeat], data: st.DataObject) -> None:
    again = data.draw(st.permutations([*beats, *beats[: len(beats) // 2]]))
    forged = [replace(beat, event_id=f"ev-{number}") for number, beat in enumerate(again)]
    assert WatchTime.of(again) == WatchTime.of(beats) == WatchTime.of(forged)


@exhaustively
@given(beats=BEATS)
def test_watch_time_is_bounded_by_gaps_and_span(beats: list[Heartbeat]) -> None:
    for playback in WatchTime.of(beats).playbacks.values():
        assert 0 <= playback.watch_ms <= playback.last_at - playback.first_at
        assert playback.watch_ms <= GAP_CAP_MS * (len(beats) - 1)
