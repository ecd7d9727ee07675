"""A second count of player health: each sign as defined in docs/adr/0027, from the records alone."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, pairwise
from typing import NamedTuple

from tests.oracle.landed_records import Heartbeat, Subscription, paris_day
from tests.oracle.watch_time import PlaybackKey, WatchTime

LONGEST_CREDIT_MS = 30_000
LONGEST_GAP_OF_A_TIMER_MS = 5 * 60_000
POSITIONS_BEGIN_AGAIN_AT_MS = 2**34


class PlayerDay(NamedTuple):
    """A device and app version on a Paris day; a missing one is an empty text."""

    day: date
    device: str
    app_version: str


@dataclass
class Health:
    """A player's figures for a day, in the order of the mart's columns."""

    playbacks: int = 0
    started_playbacks: int = 0
    single_heartbeat_playbacks: int = 0
    heartbeats: int = 0
    playing_heartbeats: int = 0
    unpositioned_heartbeats: int = 0
    tied_heartbeats: int = 0
    frozen_heartbeats: int = 0
    frozen_ms: int = 0
    sparse_heartbeats: int = 0
    uncounted_ms: int = 0
    outrunning_heartbeats: int = 0
    watch_ms: int = 0
    unsubscribed_ms: int = 0
    watchers: set[str] = field(default_factory=set)
    unsubscribed_watchers: set[str] = field(default_factory=set)
    two_device_watchers: set[str] = field(default_factory=set)

    def counts(self) -> tuple[int, ...]:
        """All figures as numbers; each person counts once."""
        return tuple(len(value) if isinstance(value, set) else value for value in vars(self).values())


class _Beat(NamedTuple):
    """The parts of a heartbeat that signs depend on, in sort order; equal ones count once."""

    at: int
    is_playing: bool
    has_no_position: bool
    position_ms: int


def health_of(
    heartbeats: list[Heartbeat], periods: dict[str, Subscription], watch: WatchTime
) -> dict[PlayerDay, Health]:
    """Count every sign of every player and day."""
    delivered: dict[PlaybackKey, dict[date, list[Heartbeat]]] = defaultdict(lambda: defaultdict(list))
    for one in heartbeats:
        key = PlaybackKey(one.playback_id, one.subscriber_id, one.live_id)
        delivered[key][paris_day(one.event_at)].append(one)
    unsubscribed = _unsubscribed_days(periods, watch)
    on_two_devices = _on_two_devices(delivered)
    watched = watch.by_playback_day()
    found: dict[PlayerDay, Health] = defaultdict(Health)
    for key, days in delivered.items():
        for day, beats in days.items():
            health = found[_player(day, beats)]
            health.playbacks += 1
            health.watchers.add(key.subscriber_id)
            watch_ms = watched[key, day]
            health.watch_ms += watch_ms
            if (key.subscriber_id, day) in unsubscribed and watch_ms:
                health.unsubscribed_ms += watch_ms
                health.unsubscribed_watchers.add(key.subscriber_id)
            if (key, day) in on_two_devices:
                health.two_device_watchers.add(key.subscriber_id)
            _count_signs(health, beats)
        first = min(days)
        of_first = found[_player(first, days[first])]
        of_first.started_playbacks += 1
        of_first.single_heartbeat_playbacks += sum(len(set(map(_beat, beats))) for beats in days.values()) == 1
    return dict(found)


def _player(day: date, beats: list[Heartbeat]) -> PlayerDay:
    devices = [beat.device for beat in beats if beat.device is not None]
    versions = [beat.app_version for beat in beats if beat.app_version is not None]
    return PlayerDay(day, min(devices, default=""), min(versions, key=str.encode, default=""))


def _beat(heartbeat: Heartbeat) -> _Beat:
    position_ms = heartbeat.position_ms
    return _Beat(
        heartbeat.event_at,
        heartbeat.state == "playing",
        position_ms is None,
        0 if position_ms is None else position_ms % POSITIONS_BEGIN_AGAIN_AT_MS,
    )


def _count_signs(health: Health, heartbeats: list[Heartbeat]) -> None:
    beats = sorted(set(map(_beat, heartbeats)))
    has_sequence = any(heartbeat.sequence for heartbeat in heartbeats)
    health.heartbeats += len(beats)
    health.playing_heartbeats += sum(beat.is_playing for beat in beats)
    health.unpositioned_heartbeats += sum(beat.is_playing and beat.has_no_position for beat in beats)
    for beat, following in pairwise(beats):
        gap_ms = following.at - beat.at
        if gap_ms == 0:
            health.tied_heartbeats += not has_sequence
            continue
        if not beat.is_playing:
            continue
        both_have_positions = not beat.has_no_position and not following.has_no_position
        advance_ms = following.position_ms - beat.position_ms
        if both_have_positions and advance_ms == 0:
            health.frozen_heartbeats += 1
            health.frozen_ms += min(gap_ms, LONGEST_CREDIT_MS)
        elif LONGEST_CREDIT_MS < gap_ms <= LONGEST_GAP_OF_A_TIMER_MS:
            health.sparse_heartbeats += 1
            health.uncounted_ms += gap_ms - LONGEST_CREDIT_MS
        if both_have_positions and advance_ms > 2 * gap_ms + 1_000:
            health.outrunning_heartbeats += 1


def _unsubscribed_days(periods: dict[str, Subscription], watch: WatchTime) -> set[tuple[str, date]]:
    """Subscribers and days with watch time that none of their periods covers; void periods do not count."""
    watched = {(key.subscriber_id, day) for (key, day), watch_ms in watch.by_playback_day().items() if watch_ms}
    return {
        (subscriber_id, day)
        for subscriber_id, day in watched
        if not any(
            period.subscriber_id == subscriber_id
            and period.status != "void"
            and period.period_start <= day < period.period_end
            for period in periods.values()
        )
    }


def _on_two_devices(
    delivered: dict[PlaybackKey, dict[date, list[Heartbeat]]],
) -> set[tuple[PlaybackKey, date]]:
    """Playbacks and days on which another device of the same subscriber was in use at the same time."""
    open_on: dict[tuple[str, date], list[tuple[PlaybackKey, str, int, int]]] = defaultdict(list)
    for key, days in delivered.items():
        for day, beats in days.items():
            device = _player(day, beats).device
            instants = [beat.event_at for beat in beats]
            if device and min(instants) < max(instants):
                open_on[key.subscriber_id, day].append((key, device, min(instants), max(instants)))
    return {
        (key, day)
        for (_, day), runs in open_on.items()
        for one, other in combinations(runs, 2)
        if one[1] != other[1] and one[2] < other[3] and other[2] < one[3]
        for key in (one[0], other[0])
    }
