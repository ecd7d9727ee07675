"""A small random platform: records in memory, and their delivery as landed files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.worlds import billing, catalogue, viewing
from tests.worlds.broken import Broken, broken_lines
from tests.worlds.clock import PARIS, month_days
from tests.worlds.delivery import (
    FORMATS,
    deliver_again,
    write_lines,
    write_rubbish,
    write_spoiled,
)

Row = dict[str, Any]
SEASONS = (
    ("2021-01", "2021-02", "2021-03"),  # clocks go forward on 28 March
    ("2020-10", "2020-11", "2020-12"),  # clocks go back on 25 October; December pays everyone
    ("2020-02", "2020-03", "2020-04"),  # a leap day; clocks go forward on 29 March
)
CLOCK_CHANGES = (date(2021, 3, 28), date(2020, 10, 25), date(2020, 3, 29))
SUBSCRIBER_IDS = ("sub-1", "sub-10", "sub-2", "Sub-1", "42", "sub-é", "sub-03", "sub-4", "sub_5")
SURE_SUBSCRIBER = "sub-sure"
BLOCKERS = (
    "live_without_credits",
    "credit_shares_not_10000",
    "artist_credited_twice",
    "artist_unknown",
    "artist_without_category",
    "pool_without_members",
)


@dataclass(frozen=True)
class Size:
    """The number of subscribers, artists, lives and playbacks."""

    subscribers: int = 8
    artists: int = 7
    lives: int = 10
    playbacks: int = 120

    @classmethod
    def tiny(cls) -> "Size":
        """The smallest world in which something happens."""
        return cls(subscribers=3, artists=3, lives=4, playbacks=12)


@dataclass(frozen=True)
class World:
    """The rows to land by record type, the broken lines to add to them, and the months."""

    seed: int
    months: tuple[str, ...]
    rows: dict[str, list[Row]]
    broken: dict[str, list[Broken]] = field(default_factory=dict)

    @classmethod
    def random(cls, seed: int, *, size: Size | None = None, blockers: Sequence[str] = ()) -> "World":
        """The world of a seed; nothing blocks the close of its months except the given `blockers`."""
        size = size or Size()
        rng = Random(seed)
        months = SEASONS[seed % len(SEASONS)]
        subscribers = list(SUBSCRIBER_IDS[: size.subscribers])
        artists = list(catalogue.ARTIST_IDS[: size.artists])
        lives = list(catalogue.LIVE_IDS[: size.lives])
        periods = billing.period_rows(rng, months, subscribers)
        categories = catalogue.category_rows(rng, months, artists)
        heartbeats = viewing.heartbeat_rows(
            rng,
            months,
            subscribers,
            [*lives, *catalogue.SURE_LIVES, "live-unknown"],
            edges=_edges(months, periods, categories),
            playbacks=size.playbacks,
        )
        first, end = month_days(months[-1])
        middle = first + (end - first) // 2
        for watcher in (SURE_SUBSCRIBER, subscribers[0]):
            heartbeats += viewing.tied_rows(rng, watcher, list(catalogue.SURE_LIVES), middle)
        periods.append(billing.sure_period(SURE_SUBSCRIBER, first, end))
        rows = {
            "heartbeats": heartbeats,
            "subscriptions": periods,
            "artists": catalogue.artist_rows(rng, months, size.artists),
            "artist_categories": categories,
            "lives": catalogue.live_rows(rng, months, size.lives),
            "live_credits": catalogue.credit_rows(rng, lives, artists),
        }
        for record_type, edges in catalogue.edge_rows(rng, months).items():
            rows[record_type] += edges
        _turn_on(rng, middle, rows)
        for blocker in blockers:
            _block(rng, rows, blocker, middle)
        broken = {
            record_type: broken_lines(rng, record_type, rng.choice(of_type)) for record_type, of_type in rows.items()
        }
        return cls(seed, months, rows, broken)

    def deliver(
        self,
        landing: Path,
        *,
        batches: int = 3,
        rng: Random | None = None,
        formats: Sequence[str] = FORMATS,
        spoiled_batch: int | None = None,
    ) -> Iterator[int]:
        """Write everything in any order, and yield the number of each batch once it has landed.

        Each row is in a random batch, and a tenth of them in a second one too. Broken lines, rubbish
        and duplicate files are included. With `batches=1` everything lands together.
        `spoiled_batch` is the batch with a heartbeats file that must be held.
        """
        rng = rng or Random(self.seed)
        plan: list[dict[str, list[Row | Broken]]] = [
            {record_type: [] for record_type in self.rows} for _ in range(batches)
        ]
        for record_type, rows in self.rows.items():
            for line in [*rows, *self.broken.get(record_type, [])]:
                plan[rng.randrange(batches)][record_type].append(line)
                if isinstance(line, dict) and rng.random() < 0.1:
                    plan[rng.randrange(batches)][record_type].append(line)
        for number, batch in enumerate(plan):
            self._write_batch(landing, batch, rng, formats, is_spoiled=number == spoiled_batch)
            write_rubbish(landing, rng)
            deliver_again(landing, rng)
            yield number

    def deliver_all(self, landing: Path, **options: Any) -> None:
        """Write everything in one batch."""
        for _ in self.deliver(landing, batches=1, **options):
            pass

    def deliver_by_month(
        self,
        landing: Path,
        *,
        rng: Random | None = None,
        formats: Sequence[str] = FORMATS,
        late: float = 0.1,
    ) -> Iterator[str]:
        """Write month by month, and yield each month when its records have landed, except late ones.

        The whole catalogue comes first. Heartbeats and periods come in the month to which they
        belong; a share `late` of them comes a month (or two) later. The last month brings the rest.
        """
        rng = rng or Random(self.seed)
        plan: dict[str, dict[str, list[Row | Broken]]] = {
            month: {record_type: [] for record_type in self.rows} for month in self.months
        }
        instants = {"heartbeats": "event_at", "subscriptions": "period_start"}
        for record_type, rows in self.rows.items():
            for row in rows:
                at = self._month_index(row[instants[record_type]]) if record_type in instants else 0
                if record_type in instants and rng.random() < late:
                    at += rng.randrange(1, 3)
                month = self.months[min(at, len(self.months) - 1)]
                plan[month][record_type].append(row)
        for month, batch in plan.items():
            self._write_batch(landing, batch, rng, formats)
            yield month

    def _month_index(self, instant_or_day: str) -> int:
        when = datetime.fromisoformat(instant_or_day)
        on = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(PARIS).date()
        return sum(f"{on:%Y-%m}" > month for month in self.months)

    def _write_batch(
        self,
        landing: Path,
        batch: dict[str, list[Row | Broken]],
        rng: Random,
        formats: Sequence[str],
        *,
        is_spoiled: bool = False,
    ) -> None:
        for record_type, lines in batch.items():
            if lines and record_type == "heartbeats" and is_spoiled:
                write_spoiled(landing / record_type, lines, rng)
            elif any(isinstance(line, dict) for line in lines):
                write_lines(landing / record_type, lines, rng, formats)
            elif lines:
                # Broken lines alone would leave a required column empty, which holds the batch.
                neighbours = rng.choices(self.rows[record_type], k=3)
                write_lines(landing / record_type, [*lines, *neighbours], rng, formats)


def _edges(months: tuple[str, ...], periods: list[Row], categories: list[Row]) -> list[date]:
    """Days at which something begins or ends within the season."""
    first, end = month_days(months[0])[0], month_days(months[-1])[1]
    written_days = [row[name] for row in periods for name in ("period_start", "period_end")]
    written_days += [row["valid_from"] for row in categories]
    days = {date.fromisoformat(day) for day in written_days if len(day) == len("2021-01-01")}
    days.update(month_days(month)[0] for month in months)
    days.update(CLOCK_CHANGES)
    days.update(day + timedelta(days=1) for day in CLOCK_CHANGES)
    return sorted(day for day in days if first <= day < end)


def _turn_on(rng: Random, day: date, rows: dict[str, list[Row]]) -> None:
    """Change the category of an artist on a day on which the sure subscriber watches that artist."""
    [turning] = [row["artist_id"] for row in rows["live_credits"] if row["live_id"] == catalogue.SURE_LIVES[1]]
    if turning != catalogue.SURE_ARTIST:
        category = rng.choice(("emerging", "independent", "known"))
        change = {"artist_id": turning, "category": category, "valid_from": day.isoformat()}
        rows["artist_categories"].append(change)


def _block(rng: Random, rows: dict[str, list[Row]], blocker: str, day: date) -> None:
    """Add a paid, watched live that blocks the month of `day` for this reason."""
    if blocker == "pool_without_members":
        for row in rows["artist_categories"]:
            row["category"] = "known"
        return
    live_id, artist_id = f"live-{blocker}", f"art-{blocker}"
    shares = {
        "live_without_credits": [],
        "credit_shares_not_10000": [(catalogue.SURE_ARTIST, 9_999)],
        "artist_credited_twice": [
            (catalogue.SURE_ARTIST, 4_000),
            (catalogue.SURE_ARTIST, 6_000),
        ],
        "artist_unknown": [(artist_id, 10_000)],
        "artist_without_category": [(artist_id, 10_000)],
    }[blocker]
    category = {"artist_id": artist_id, "category": "emerging"}
    if blocker == "artist_unknown":
        rows["artist_categories"].append(category | {"valid_from": "2019-01-01"})
    if blocker == "artist_without_category":
        rows["artists"].append({"artist_id": artist_id, "name": "Sans catégorie"})
        next_day = (day + timedelta(days=1)).isoformat()
        rows["artist_categories"].append(category | {"valid_from": next_day})
    rows["live_credits"] += [
        {"live_id": live_id, "artist_id": credited, "share_bp": share_bp} for credited, share_bp in shares
    ]
    live = {"live_id": live_id, "title": "Blocked", "kind": "live", "exclusive": True}
    rows["lives"].append(live | {"duration_s": "3600"})
    subscriber_id = f"sub-{blocker}"
    rows["heartbeats"] += viewing.tied_rows(rng, subscriber_id, [live_id], day)
    period = billing.sure_period(subscriber_id, day, day + timedelta(days=2))
    rows["subscriptions"].append(period)
