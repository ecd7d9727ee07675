"""Heartbeats of players that work well, and of players that fail in every possible way."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.worlds.clock import MILLISECOND, SECOND, month_days, paris_midnight, written

Row = dict[str, Any]
EDGE_GAPS_MS = (1, 999, 10_000, 29_999, 30_000, 30_001, 60_000)
SESSION_GAPS_MS = (1_799_999, 1_800_000, 1_800_001)
OTHER_STATES = ("paused", "buffering", "seeking", "ended", "stopped", "Ended")


@dataclass
class Player:
    """One run of one player; it counts its own sequence and position."""

    rng: random.Random
    playback_id: str
    subscriber_id: str
    live_id: str
    now: datetime
    sequence: int = 0
    position_ms: int = 0

    def beat(self, state: str = "playing", **changes: Any) -> Row:
        """One heartbeat at this moment."""
        row = {
            "event_id": f"ev-{self.rng.getrandbits(64):016x}",
            "playback_id": self.playback_id,
            "subscriber_id": self.subscriber_id,
            "live_id": self.live_id,
            "event_at": written(self.now, self.rng),
            "state": state,
            "received_at": _received(self.now, self.rng),
            "sequence": self.sequence,
            "position_s": Decimal(self.position_ms) / 1000,
            "playback_rate": self.rng.choice((None, 1, 0, -1, Decimal("1.5"))),
            "device": self.rng.choice(("web", "ios", "android", "tv", "other", None, "fridge")),
            "surface": self.rng.choice(("home", "search", "artist", None, "billboard")),
            "app_version": (None, "ios 4.2.1", " 4.0 ", 12, "v" * 65)[self.sequence % 5],
        }
        self.sequence += 1
        return row | changes

    def wait(self, gap_ms: int, *, plays: bool = True) -> None:
        """Let time pass, and move the position with it unless the player is stalled."""
        self.now += timedelta(milliseconds=gap_ms)
        if plays:
            self.position_ms += gap_ms


def heartbeat_rows(
    rng: random.Random,
    months: tuple[str, ...],
    subscribers: list[str],
    lives: list[str],
    *,
    edges: list[date],
    playbacks: int,
) -> list[Row]:
    """All heartbeats of a world: `playbacks` of the busy subscribers, none of the last (idle) one.

    `edges` are days on which something begins or ends (periods, months, categories, clock changes).
    """
    rows: list[Row] = []
    watching = subscribers[:-1]
    for number in range(playbacks):
        playback_id = rng.choice((f"pb-{number}", f"pb-{number}", f"pb-{number // 4 * 4}"))
        player = Player(rng, playback_id, rng.choice(watching), rng.choice(lives), _start(rng, months, edges))
        beats = rng.choice(MANNERS)(player)
        rows += beats
        if rng.random() < 0.25:
            rows += _next_in_session(player)
        rows += [_redelivered(rng, row) for row in beats if rng.random() < 0.05]
    return rows


def tied_rows(rng: random.Random, subscriber_id: str, lives: list[str], day: date) -> list[Row]:
    """Equal time on several lives, at noon of a day, so that the remainders of the split tie."""
    rows = []
    for number, live_id in enumerate(lives):
        start = paris_midnight(day) + timedelta(hours=12, minutes=number)
        player = Player(rng, f"tie-{number}", subscriber_id, live_id, start)
        rows.append(player.beat())
        player.wait(10_000)
        rows.append(player.beat("ended"))
    return rows


def _ordinary(player: Player) -> list[Row]:
    rows = []
    for _ in range(player.rng.randrange(2, 12)):
        rows.append(player.beat(_state(player.rng)))
        player.wait(player.rng.randrange(9_000, 11_000))
    return [*rows, player.beat("ended")]


def _at_the_cap(player: Player) -> list[Row]:
    rows = [player.beat()]
    for gap_ms in player.rng.sample(EDGE_GAPS_MS, 4):
        player.wait(gap_ms)
        rows.append(player.beat())
    return rows


def _stalled(player: Player) -> list[Row]:
    rows = []
    for _ in range(5):
        rows.append(player.beat())
        player.wait(10_000, plays=player.rng.random() < 0.5)
    without_position = player.rng.choice(rows)
    without_position["position_s"] = None
    return [*rows, player.beat("paused")]


def _careless(player: Player) -> list[Row]:
    """Sequence and position missing, or counted wrongly."""
    rows = _ordinary(player)
    for row in rows:
        if player.rng.random() < 0.4:
            row["sequence"] = player.rng.choice((None, None, 0, 3))
        if player.rng.random() < 0.4:
            row["position_s"] = None
    return rows


def _equal_instants(player: Player) -> list[Row]:
    """Heartbeats at the same instant that differ in sequence, state or position."""
    rows = []
    for _ in range(3):
        rng = player.rng
        for _ in range(rng.randrange(2, 4)):
            position_s = rng.choice((None, Decimal(0), Decimal(player.position_ms) / 1000))
            changes = {"sequence": rng.choice((None, 0, 1, 2)), "position_s": position_s}
            rows.append(player.beat(rng.choice(("playing", "paused", "seeking")), **changes))
        player.wait(rng.choice((10_000, 20_000)), plays=rng.random() < 0.7)
    return [*rows, player.beat("ended", sequence=None)]


def _tied_but_for_position(player: Player) -> list[Row]:
    """Same instant, sequence and state, but several positions: the last one in order precedes the next heartbeat."""
    rows = []
    for _ in range(3):
        positions = [None, Decimal(player.position_ms) / 1000, Decimal(player.position_ms + 5) / 1000]
        tied = player.rng.sample(positions, player.rng.randrange(2, 4))
        rows += [player.beat(sequence=0, position_s=position_s) for position_s in tied]
        player.wait(10_000, plays=False)
        rows.append(player.beat("paused", position_s=player.rng.choice(positions)))
        player.wait(10_000)
    return rows


def _slept(player: Player) -> list[Row]:
    """A laptop that slept for hours or days while "playing"."""
    rows = [player.beat()]
    player.wait(10_000)
    rows.append(player.beat())
    player.wait(player.rng.choice((7_200_000, 86_400_000, 3 * 86_400_000)), plays=False)
    player.position_ms += 1
    rows.append(player.beat())
    player.wait(10_000)
    return [*rows, player.beat("ended")]


def _lonely(player: Player) -> list[Row]:
    return [player.beat()]


MANNERS: tuple[Callable[[Player], list[Row]], ...] = (
    _ordinary,
    _ordinary,
    _ordinary,
    _at_the_cap,
    _stalled,
    _careless,
    _equal_instants,
    _tied_but_for_position,
    _slept,
    _lonely,
)


def _next_in_session(player: Player) -> list[Row]:
    """A further playback of the subscriber, at the edge of the same viewing session."""
    player.wait(player.rng.choice(SESSION_GAPS_MS))
    following = Player(
        player.rng,
        f"{player.playback_id}-next",
        player.subscriber_id,
        player.live_id,
        player.now,
    )
    return _ordinary(following)


def _start(rng: random.Random, months: tuple[str, ...], edges: list[date]) -> datetime:
    """A start, often around a Paris midnight on which something changes, otherwise at any time of the season."""
    if rng.random() < 0.5:
        before = rng.choice((0, 1, 10_000, 25_000, 60_000, 2 * 3_600_000 - 15_000, -3 * 3_600_000))
        return paris_midnight(rng.choice(edges)) - before * MILLISECOND
    first, _ = month_days(months[0])
    _, end = month_days(months[-1])
    seconds = (paris_midnight(end) - paris_midnight(first)).total_seconds()
    return paris_midnight(first) + rng.randrange(round(seconds)) * SECOND


def _state(rng: random.Random) -> str:
    return "playing" if rng.random() < 0.8 else rng.choice(OTHER_STATES)


def _received(event_at: datetime, rng: random.Random) -> str | None:
    """Received immediately, up to exactly 35 days late, or by a clock that is up to 10 minutes behind."""
    match rng.random():
        case chance if chance < 0.3:
            return None
        case chance if chance < 0.85:
            return written(event_at + timedelta(milliseconds=rng.randrange(5_000)))
        case chance if chance < 0.95:
            return written(event_at + timedelta(hours=rng.randrange(24 * 35)))
        case chance if chance < 0.975:
            return written(event_at + timedelta(days=35))
        case _:
            return written(event_at - timedelta(minutes=10))


def _redelivered(rng: random.Random, row: Row) -> Row:
    """The same heartbeat again: received later, under a new event_id, or a forgery under a known one."""
    match rng.random():
        case chance if chance < 0.5:
            return dict(row)
        case chance if chance < 0.75:
            return row | {"event_id": f"ev-again-{rng.getrandbits(32)}", "received_at": None}
        case _:
            # Another heartbeat under a known event_id: it replaces nothing.
            return row | {"state": rng.choice(("paused", "playing")), "sequence": 10_000}
