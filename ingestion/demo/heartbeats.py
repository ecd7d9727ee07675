"""The heartbeats that players send for each playback, and how they arrive."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from allive.ingestion.demo import timeline
from allive.ingestion.demo.audience import Ints
from allive.ingestion.demo.catalogue import Catalogue
from allive.ingestion.demo.playbacks import DEVICES, SURFACES, Playbacks
from allive.ingestion.demo.subscriptions import SUBSCRIBERS, subscriber_id

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]

STATES = ("playing", "paused", "buffering", "seeking", "ended")
_PLAYING, _PAUSED, _BUFFERING, _SEEKING, _ENDED = range(5)

# The events that can happen at a beat, and how likely they are.
_NOTHING, _PAUSE, _BUFFER, _SEEK_ON, _SEEK_BACK, _STALL, _SLEEP = range(7)
_EVENT_SHARES = (0.9875, 0.0035, 0.0030, 0.0020, 0.0015, 0.0025)
_STATE_OF_EVENT = np.array([_PLAYING, _PAUSED, _BUFFERING, _SEEKING, _SEEKING, _PLAYING, _PLAYING], dtype=np.int64)
_SLEEPING_PLAYBACKS = 0.01
_FASTER_PLAYBACKS = 0.006
_LATE_PLAYBACKS = 0.03
_REDELIVERED = 0.02
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_LONGEST_UPLOAD_MS = 20 * _DAY_MS
_GAP_CAP_MS = 30_000
# The releases of each app, with the day of the season on which they came out. Web pages and other devices send no
# version.
_RELEASES = {
    "ios": ((0, "ios 4.1.0"), (31, "ios 4.2.0"), (46, "ios 4.2.1"), (82, "ios 4.3.0")),
    "android": ((0, "android 4.1.2"), (34, "android 4.2.0"), (76, "android 4.3.0")),
    "tv": ((0, "tv 2.0"), (55, "tv 2.1")),
}
_SLOWEST_UPDATE_DAYS = 21


@dataclass(frozen=True, slots=True)
class Beats:
    """All heartbeats, ordered by playback and time; one array per attribute.

    `playback` is an index in `Playbacks`; `at_ms` and `received_ms` are ms since 1970; `is_late` marks heartbeats that
    came in a later upload; `rate` is the playback rate; `is_bare` marks heartbeats of simple devices, which send
    neither sequence nor position.
    """

    playback: Ints
    sequence: Ints
    at_ms: Ints
    received_ms: Ints
    state: Ints
    position_ms: Ints
    rate: np.ndarray[tuple[int], np.dtype[np.float64]]
    is_late: Bools
    is_bare: Bools

    def __len__(self) -> int:
        return len(self.playback)

    def credits_ms(self) -> Ints:
        """Return what each heartbeat is worth, for the season's own figures (RULES.md §3.3)."""
        same = self.playback[1:] == self.playback[:-1]
        moved = self.is_bare[1:] | (self.position_ms[1:] != self.position_ms[:-1])
        gaps = np.minimum(np.diff(self.at_ms), _GAP_CAP_MS)
        credit = np.where(same & moved & (self.state[:-1] == _PLAYING), gaps, 0)
        return np.append(credit, 0)


def build_beats(seed: int, playbacks: Playbacks) -> Beats:
    """Expand every playback into its heartbeats: regular ones and state changes."""
    rng = timeline.generator(seed, "heartbeats")
    owner, event, is_extra = _script(rng, playbacks)
    rate = np.where(rng.random(len(playbacks)) < _FASTER_PLAYBACKS, 1.25, 1.0)[owner]
    elapsed_ms, moved_ms, state = _steps(rng, owner, event, is_extra, rate)
    at_ms = _running_total(elapsed_ms, owner)
    position_ms = _running_total(moved_ms, owner) + playbacks.start_position_ms[owner]

    on_screen = (position_ms >= 0) & (position_ms <= playbacks.duration_ms[owner])
    # Heartbeats after the first step past the end (or before the start) were never sent.
    kept = _running_total(~on_screen, owner) == 0
    owner, at_ms, position_ms, state, rate, event = (
        values[kept] for values in (owner, at_ms, position_ms, state, rate, event)
    )
    slept_ms = np.where(event == _SLEEP, elapsed_ms[kept], 0)
    at_ms += _playback_starts_ms(rng, playbacks, owner, at_ms - _running_total(slept_ms, owner))[owner]

    in_season = at_ms < timeline.midnights_ms()[-1]
    owner, at_ms, position_ms, state, rate = (values[in_season] for values in (owner, at_ms, position_ms, state, rate))
    state = _end_playbacks(rng, owner, position_ms, playbacks.duration_ms[owner], state)
    received_ms, is_late = _arrivals(rng, owner, at_ms)
    return Beats(
        playback=owner,
        sequence=_running_total(np.ones(len(owner), dtype=np.int64), owner) - 1,
        at_ms=at_ms,
        received_ms=received_ms,
        state=state,
        position_ms=position_ms,
        rate=rate,
        is_late=is_late,
        is_bare=playbacks.device[owner] == DEVICES.index("other"),
    )


def _first_rows(owner: Ints) -> Bools:
    return np.append(True, owner[1:] != owner[:-1])


def _running_total(values: Ints | Bools, owner: Ints) -> Ints:
    """Sum up within each playback, from its first heartbeat on."""
    total = np.cumsum(values, dtype=np.int64)
    firsts = np.flatnonzero(_first_rows(owner))
    before = total[firsts] - values[firsts]
    return total - np.repeat(before, np.diff(np.append(firsts, len(owner))))


def _script(rng: np.random.Generator, playbacks: Playbacks) -> tuple[Ints, Ints, Bools]:
    """Decide what happens at each beat; a pause, a buffering or a seek adds one before it."""
    owner = np.repeat(np.arange(len(playbacks)), playbacks.beats)
    number = _running_total(np.ones(len(owner), dtype=np.int64), owner) - 1
    event = rng.choice(len(_EVENT_SHARES), size=len(owner), p=_EVENT_SHARES)
    event[number < 2] = _NOTHING
    event[(event == _SEEK_BACK) & (number < 30)] = _NOTHING
    sleepers = playbacks.is_last_of_session & (rng.random(len(playbacks)) < _SLEEPING_PLAYBACKS)
    asleep_at = (playbacks.beats * rng.uniform(0.3, 0.95, size=len(playbacks))).astype(np.int64)
    event[sleepers[owner] & (number == np.maximum(asleep_at, 1)[owner])] = _SLEEP
    has_extra = (event >= _PAUSE) & (event <= _SEEK_BACK)
    place = np.repeat(np.arange(len(owner)), 1 + has_extra)
    is_extra = has_extra[place] & np.append(place[1:] == place[:-1], False)
    return owner[place], event[place], is_extra


def _steps(
    rng: np.random.Generator,
    owner: Ints,
    event: Ints,
    is_extra: Bools,
    rate: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[Ints, Ints, Ints]:
    """Return for each heartbeat the ms since the one before, the change of position, and the state."""
    size = len(owner)
    elapsed = np.clip(rng.normal(10_000, 70, size=size), 9_500, 10_500).astype(np.int64)
    elapsed[is_extra] = rng.integers(500, 9_500, size=int(is_extra.sum()))
    moved = (elapsed * rate).astype(np.int64)
    state = np.where(is_extra, _STATE_OF_EVENT[event], _PLAYING)

    def at(kind: int) -> tuple[Bools, int]:
        rows = (event == kind) & ~is_extra
        return rows, int(rows.sum())

    rows, count = at(_PAUSE)
    elapsed[rows] = np.clip(rng.lognormal(11.0, 1.2, size=count), 2_000, 45 * 60_000)
    moved[rows] = 0
    rows, count = at(_BUFFER)
    elapsed[rows] = rng.integers(800, 14_000, size=count)
    moved[rows] = 0
    rows, count = at(_SEEK_ON)
    elapsed[rows] = rng.integers(200, 1_800, size=count)
    moved[rows] = rng.integers(20_000, 600_000, size=count)
    rows, count = at(_SEEK_BACK)
    elapsed[rows] = rng.integers(200, 1_800, size=count)
    moved[rows] = -rng.integers(10_000, 120_000, size=count)
    rows, _ = at(_STALL)
    moved[rows] = 0
    rows, count = at(_SLEEP)
    elapsed[rows] = rng.uniform(0.7, 60, size=count) * _HOUR_MS
    moved[rows] = rng.integers(200, 9_000, size=count)

    firsts = _first_rows(owner)
    elapsed[firsts] = 0
    moved[firsts] = 0
    return elapsed, moved, state


def _playback_starts_ms(rng: np.random.Generator, playbacks: Playbacks, owner: Ints, awake_ms: Ints) -> Ints:
    """Chain a session's playbacks, each a few seconds after the one before; only the last one can have a sleep."""
    lengths = np.zeros(len(playbacks), dtype=np.int64)
    np.maximum.at(lengths, owner, awake_ms)
    steps = lengths + rng.integers(4_000, 150_000, size=len(playbacks))
    return playbacks.session_start_ms + _running_total(steps, playbacks.session) - steps


def _end_playbacks(rng: np.random.Generator, owner: Ints, position_ms: Ints, duration_ms: Ints, state: Ints) -> Ints:
    """Give each playback's last heartbeat the state it was left in."""
    lasts = np.append(owner[1:] != owner[:-1], True)
    left = rng.choice([_PLAYING, _PAUSED, _ENDED], size=int(lasts.sum()), p=[0.40, 0.35, 0.25])
    finished = position_ms[lasts] >= duration_ms[lasts] - 12_000
    ended = state.copy()
    ended[lasts] = np.where(finished, _ENDED, left)
    return ended


def _arrivals(rng: np.random.Generator, owner: Ints, at_ms: Ints) -> tuple[Ints, Bools]:
    """Let most heartbeats arrive immediately, and some playbacks (or their ends) hours to weeks later."""
    received = at_ms + np.clip(rng.lognormal(6.6, 0.6, size=len(at_ms)), 60, 90_000).astype(np.int64)
    playback_count = int(owner[-1]) + 1
    is_offline = rng.random(playback_count) < _LATE_PLAYBACKS
    # Half of them lost the connection during the playback: only the end comes late.
    online_share = np.where(rng.random(playback_count) < 0.5, 0.0, rng.random(playback_count))
    counts = np.bincount(owner, minlength=playback_count)
    number = _running_total(np.ones(len(owner), dtype=np.int64), owner) - 1
    is_late = is_offline[owner] & (number >= (online_share * counts)[owner])
    delays = np.clip(rng.lognormal(17.9, 1.1, size=playback_count), 2 * _HOUR_MS, _LONGEST_UPLOAD_MS)
    last_at = np.zeros(playback_count, dtype=np.int64)
    np.maximum.at(last_at, owner, at_ms)
    uploaded = (last_at + delays.astype(np.int64))[owner] + number * 3
    return np.where(is_late, uploaded, received), is_late


def deliveries(seed: int, beats: Beats) -> pl.DataFrame:
    """Return one row per delivered heartbeat, including redeliveries: `row`, `received_ms`, `file`.

    `row` is an index in `beats`. `file` is the file that it lands in, `YYYY-MM-DD` (the daily file) or `YYYY-Www` (the
    late uploads of a week). Ordered by file, then by arrival.
    """
    rng = timeline.generator(seed, "deliveries")
    midnights = timeline.midnights_ms()
    day = np.searchsorted(midnights, beats.at_ms, side="right") - 1
    again = np.flatnonzero(~beats.is_late & (rng.random(len(beats)) < _REDELIVERED))
    next_day = rng.random(len(again)) < 0.4
    next_day &= day[again] < len(timeline.DAYS) - 1
    again_after = np.where(
        next_day,
        rng.integers(6 * _HOUR_MS, 20 * _HOUR_MS, size=len(again)),
        rng.integers(1_000, 120_000, size=len(again)),
    )
    names = [day.isoformat() for day in timeline.DAYS]
    late_rows = np.flatnonzero(beats.is_late)
    uploaded_on = (beats.received_ms[late_rows] - midnights[0]) // _DAY_MS
    weeks, week_of_row = np.unique([_week(int(offset)) for offset in uploaded_on], return_inverse=True)
    file = day.copy()
    file[late_rows] = len(names) + week_of_row
    rows = np.concatenate([np.arange(len(beats)), again])
    files = np.concatenate([file, day[again] + next_day])
    received = np.concatenate([beats.received_ms, beats.received_ms[again] + again_after])
    order = np.lexsort((rows, received, files))
    all_names = pl.Series([*names, *weeks.tolist()], dtype=pl.String)
    return pl.DataFrame(
        {
            "row": rows[order],
            "received_ms": received[order],
            "file": all_names.gather(pl.Series(files[order])),
        }
    )


def _week(day_offset: int) -> str:
    year, week, _ = (timeline.OPENING_ON + dt.timedelta(days=day_offset)).isocalendar()
    return f"{year}-W{week:02d}"


def playback_ids(seed: int, count: int) -> list[str]:
    """Make playback ids of random hexadecimal text, as players do."""
    text = timeline.generator(seed, "playback ids").bytes(8 * count).hex()
    return [f"pb-{text[16 * n : 16 * n + 16]}" for n in range(count)]


def _app_versions(playbacks: Playbacks) -> pl.Series:
    """Return the app version of each playback: the newest one that its subscriber had installed by then."""
    day = (playbacks.session_start_ms - timeline.midnights_ms()[0]) // _DAY_MS
    taken_after = playbacks.subscriber * 11 % (_SLOWEST_UPDATE_DAYS + 1)
    names: list[str | None] = [None]
    place = np.zeros(len(playbacks), dtype=np.int64)
    for device, releases in _RELEASES.items():
        for released_on, version in releases:
            has_it = (released_on == 0) | (day - taken_after >= released_on)
            place[(playbacks.device == DEVICES.index(device)) & has_it] = len(names)
            names.append(version)
    return pl.Series(names, dtype=pl.String).gather(pl.Series(place))


def heartbeat_frame(
    delivered: pl.DataFrame,
    *,
    beats: Beats,
    playbacks: Playbacks,
    catalogue: Catalogue,
    ids: list[str],
) -> pl.DataFrame:
    """Return the delivered heartbeats as records according to INTERFACES.md, with instants as UTC datetimes."""
    rows = delivered["row"].to_numpy()
    owner = beats.playback[rows]

    def named(names: list[str], places: Ints) -> pl.Series:
        return pl.Series(names, dtype=pl.String).gather(pl.Series(places))

    frame = pl.DataFrame(
        {
            "playback_id": named(ids, owner),
            "subscriber_id": named(
                [subscriber_id(number) for number in range(SUBSCRIBERS)],
                playbacks.subscriber[owner],
            ),
            "live_id": named([live.live_id for live in catalogue.lives], playbacks.live[owner]),
            "number": beats.sequence[rows],
            "event_at": beats.at_ms[rows],
            "received_at": delivered["received_ms"],
            "state": named(list(STATES), beats.state[rows]),
            "position_s": beats.position_ms[rows] / 1000,
            "playback_rate": beats.rate[rows],
            "device": named(list(DEVICES), playbacks.device[owner]),
            "surface": named(list(SURFACES), playbacks.surface[owner]),
            "app_version": _app_versions(playbacks).gather(pl.Series(owner)),
            "is_bare": beats.is_bare[rows],
        }
    )
    return frame.select(
        pl.concat_str("playback_id", pl.lit("-"), "number").str.slice(3).alias("event_id"),
        "playback_id",
        "subscriber_id",
        "live_id",
        pl.when(~pl.col("is_bare")).then("number").alias("sequence"),
        pl.from_epoch("event_at", time_unit="ms").dt.replace_time_zone("UTC"),
        pl.from_epoch("received_at", time_unit="ms").dt.replace_time_zone("UTC"),
        "state",
        pl.when(~pl.col("is_bare")).then("position_s").alias("position_s"),
        "playback_rate",
        "device",
        "surface",
        "app_version",
    )
