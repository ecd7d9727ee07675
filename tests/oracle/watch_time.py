"""RULES.md §3: the watch time of heartbeats, and the figures that follow from it alone."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from tests.oracle.landed_records import MINUTE_MS, Heartbeat, paris_day

GAP_CAP_MS = 30_000
SESSION_GAP_MS = 30 * MINUTE_MS


class PlaybackKey(NamedTuple):
    """A playback is "all heartbeats of one (`playback_id`, `subscriber_id`, `live_id`)" (§2)."""

    playback_id: str
    subscriber_id: str
    live_id: str


class Beat(NamedTuple):
    """The parts of a heartbeat that count for money, in the sort order of §3.2; two equal beats count once."""

    event_at: int
    sequence: int
    state: str
    has_position: bool
    position_ms: int


@dataclass(frozen=True)
class Playback:
    """One run of one player."""

    key: PlaybackKey
    first_at: int
    last_at: int
    days: dict[date, int]
    """Paris day → ms, for every day with a heartbeat, even one that earned nothing."""

    @property
    def watch_ms(self) -> int:
        """The sum of its credits."""
        return sum(self.days.values())


class Session(NamedTuple):
    """A viewing session of one subscriber."""

    subscriber_id: str
    started_at: int
    ended_at: int
    watch_ms: int
    playbacks: int
    lives: int


@dataclass(frozen=True)
class WatchTime:
    """All playbacks, and their totals by playback, by day and by session."""

    playbacks: dict[PlaybackKey, Playback]

    @classmethod
    def of(cls, heartbeats: Iterable[Heartbeat]) -> "WatchTime":
        """Group heartbeats into playbacks and credit them; neither order nor repetition matters."""
        beats: dict[PlaybackKey, set[Beat]] = defaultdict(set)
        for heartbeat in heartbeats:
            key = PlaybackKey(heartbeat.playback_id, heartbeat.subscriber_id, heartbeat.live_id)
            beats[key].add(_beat(heartbeat))
        return cls({key: _playback(key, sorted(of_key)) for key, of_key in beats.items()})

    def by_playback(self) -> dict[PlaybackKey, int]:
        """Watch time of each playback, in ms."""
        return {key: playback.watch_ms for key, playback in self.playbacks.items()}

    def by_playback_day(self) -> dict[tuple[PlaybackKey, date], int]:
        """Watch time of each playback on each Paris day on which it has a heartbeat, in ms."""
        return {
            (key, day): watch_ms for key, playback in self.playbacks.items() for day, watch_ms in playback.days.items()
        }

    def by_day(self) -> dict[tuple[str, str, date], tuple[int, int]]:
        """(subscriber, live, Paris day) → (ms, playbacks that earned them), for days with watch time only."""
        totals: dict[tuple[str, str, date], tuple[int, int]] = {}
        for (key, day), watch_ms in self.by_playback_day().items():
            if watch_ms:
                cell = (key.subscriber_id, key.live_id, day)
                before_ms, before_playbacks = totals.get(cell, (0, 0))
                totals[cell] = (before_ms + watch_ms, before_playbacks + 1)
        return totals

    def sessions(self) -> set[Session]:
        """Viewing sessions (§2).

        "A run of one subscriber's playbacks with less than 30 min between the end of what came
        before and the next first heartbeat": the end is the latest one of all playbacks before.
        """
        of_subscriber: dict[str, list[Playback]] = defaultdict(list)
        for playback in self.playbacks.values():
            of_subscriber[playback.key.subscriber_id].append(playback)
        sessions = set()
        for playbacks in of_subscriber.values():
            run: list[Playback] = []
            for playback in sorted(playbacks, key=lambda one: (one.first_at, one.key)):
                if run and playback.first_at - max(one.last_at for one in run) >= SESSION_GAP_MS:
                    sessions.add(_session(run))
                    run = []
                run.append(playback)
            sessions.add(_session(run))
        return sessions


def _beat(heartbeat: Heartbeat) -> Beat:
    """§3.2: ordered "by `event_at`, then `sequence` (missing = 0), then `state`, then position (missing first)"."""
    position_ms = heartbeat.position_ms
    return Beat(
        heartbeat.event_at,
        heartbeat.sequence or 0,
        heartbeat.state,
        position_ms is not None,
        position_ms or 0,
    )


def credit_ms(beat: Beat, following: Beat | None) -> int:
    """§3.3: the ms that one heartbeat earns, given the next one of its playback.

    >>> playing = Beat(0, 0, "playing", False, 0)
    >>> credit_ms(playing, playing._replace(event_at=30_001))
    30000
    >>> credit_ms(playing._replace(state="paused"), playing._replace(event_at=10_000))
    0
    """
    if following is None or beat.state != "playing":
        return 0
    both_carry_a_position = beat.has_position and following.has_position
    if both_carry_a_position and beat.position_ms == following.position_ms:
        return 0
    return min(following.event_at - beat.event_at, GAP_CAP_MS)


def _playback(key: PlaybackKey, beats: list[Beat]) -> Playback:
    """§3.4: "a credit belongs to the Paris day on which its heartbeat's `event_at` falls"."""
    days: dict[date, int] = defaultdict(int)
    followers: list[Beat | None] = [*beats[1:], None]
    for beat, following in zip(beats, followers, strict=True):
        days[paris_day(beat.event_at)] += credit_ms(beat, following)
    return Playback(key, beats[0].event_at, beats[-1].event_at, dict(days))


def _session(run: list[Playback]) -> Session:
    return Session(
        subscriber_id=run[0].key.subscriber_id,
        started_at=min(one.first_at for one in run),
        ended_at=max(one.last_at for one in run),
        watch_ms=sum(one.watch_ms for one in run),
        playbacks=len(run),
        lives=len({one.key.live_id for one in run}),
    )
