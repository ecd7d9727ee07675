"""The whole season: its plan, its landed files, its summary. The entry point of the demo."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from allive.ingestion.demo import blemishes, timeline
from allive.ingestion.demo.cast import CAST
from allive.ingestion.demo.catalogue import Catalogue, build_catalogue
from allive.ingestion.demo.catalogue_exports import catalogue_files
from allive.ingestion.demo.delivery import encode_frame, encode_records, land, with_text_instants
from allive.ingestion.demo.figures import MonthFigures, month_figures
from allive.ingestion.demo.heartbeats import (
    Beats,
    build_beats,
    deliveries,
    heartbeat_frame,
    playback_ids,
)
from allive.ingestion.demo.playbacks import Playbacks, build_playbacks
from allive.ingestion.demo.subscription_exports import subscription_files
from allive.ingestion.demo.subscriptions import SUBSCRIBERS, Period, build_periods

BROKEN_HEARTBEATS = 46
# Unlike the other days, these were delivered by hand, from the archive, or by a collector on trial.
_CSV_DAY = "2021-01-20"
_PARQUET_DAY = "2021-03-03"
_ZSTD_DAYS = tuple(f"2021-02-{day}" for day in range(15, 22))


class LandingNotEmptyError(Exception):
    """The demo season would be mixed with files that are already there."""


@dataclass(frozen=True, slots=True)
class Season:
    """The plan of a season: everything that happens in it, before any of it is written."""

    seed: int
    catalogue: Catalogue
    periods: tuple[Period, ...]
    playbacks: Playbacks
    beats: Beats


@dataclass(frozen=True, slots=True)
class SeasonSummary:
    """The files that were written and the season's figures; `heartbeats` counts distinct ones, without redeliveries."""

    landing_dir: Path
    files: int
    bytes: int
    artists: int
    lives: int
    counting_lives: int
    subscribers: int
    periods: int
    refunds: int
    playbacks: int
    heartbeats: int
    redelivered_heartbeats: int
    late_heartbeats: int
    broken_lines: Mapping[str, int]
    """Number of broken lines by the reason for the rejection, over all record types."""
    months: tuple[MonthFigures, ...]

    def lines(self) -> list[str]:
        """The summary in words, one fact per line."""
        return [
            f"{self.files} files, {self.bytes / 1e6:.0f} MB in {self.landing_dir}",
            (f"{self.artists} artists, {self.lives} catalogue items, of which {self.counting_lives} count for payouts"),
            f"{self.subscribers} subscribers, {self.periods} periods, {self.refunds} refunds",
            (
                f"{self.heartbeats:,} heartbeats of {self.playbacks:,} playbacks, "
                f"{self.redelivered_heartbeats:,} redelivered, {self.late_heartbeats:,} late, "
                f"{sum(self.broken_lines.values())} broken lines"
            ),
            *(month.line() for month in self.months),
        ]


def plan_season(seed: int) -> Season:
    """Invent a season, the same for the same seed."""
    catalogue = build_catalogue(seed)
    periods = build_periods(seed)
    playbacks = build_playbacks(seed, catalogue, periods)
    return Season(
        seed=seed,
        catalogue=catalogue,
        periods=periods,
        playbacks=playbacks,
        beats=build_beats(seed, playbacks),
    )


def write_season(
    landing_dir: Path, *, seed: int = 2021, progress: Callable[[str], None] | None = None
) -> SeasonSummary:
    """Fill an empty landing with a fictional season, byte for byte the same for the same seed.

    `progress` is called with a description of each step.

    Raises:
        LandingNotEmptyError: landing already contains a file; nothing was written.
    """
    _require_empty(landing_dir)
    tell = progress or (lambda _: None)
    tell("inventing the season: artists, lives, subscribers, viewing")
    season = plan_season(seed)
    small_files = [*catalogue_files(season.catalogue, seed), *subscription_files(season.periods)]
    delivered = deliveries(seed, season.beats)
    tell(f"writing {delivered.height:,} heartbeats")
    broken = Counter(broken.reason for file in small_files for broken in file.broken)
    sizes = [land(landing_dir, file.path, encode_records(file)) for file in small_files]
    heartbeat_sizes, broken_heartbeats = _land_heartbeats(landing_dir, season, delivered)
    return SeasonSummary(
        landing_dir=landing_dir,
        files=len(sizes) + len(heartbeat_sizes),
        bytes=sum(sizes) + sum(heartbeat_sizes),
        artists=len(CAST),
        lives=len(season.catalogue.lives),
        counting_lives=sum(live.counts for live in season.catalogue.lives),
        subscribers=SUBSCRIBERS,
        periods=len(season.periods),
        refunds=sum(period.final_status == "refunded" for period in season.periods),
        playbacks=len(season.playbacks),
        heartbeats=len(season.beats),
        redelivered_heartbeats=delivered.height - len(season.beats),
        late_heartbeats=int(season.beats.is_late.sum()),
        broken_lines=dict(sorted((broken + broken_heartbeats).items())),
        months=month_figures(
            catalogue=season.catalogue,
            periods=season.periods,
            playbacks=season.playbacks,
            beats=season.beats,
        ),
    )


def _require_empty(landing_dir: Path) -> None:
    found = next((path for path in sorted(landing_dir.rglob("*")) if path.is_file()), None)
    if found is not None:
        raise LandingNotEmptyError(
            f"The landing {landing_dir} already holds files (first: "
            f"{found.relative_to(landing_dir)}); the demo season needs an empty one. "
            "Set ALLIVE_HOME to a new folder, or remove the data home of an earlier demo."
        )


def heartbeat_path(file: str) -> str:
    """Return the path in landing of a day's heartbeats (`YYYY-MM-DD`) or a week's late ones (`YYYY-Www`)."""
    if "W" in file:
        return f"heartbeats/late/uploads-{file}.ndjson.gz"
    suffix = {_CSV_DAY: "csv", _PARQUET_DAY: "parquet"}.get(file, "ndjson.zst" if file in _ZSTD_DAYS else "ndjson.gz")
    return f"heartbeats/{file[:7]}/heartbeats-{file}.{suffix}"


def _land_heartbeats(landing_dir: Path, season: Season, delivered: pl.DataFrame) -> tuple[list[int], Counter[str]]:
    """Write daily files and late uploads; return their sizes and the reasons of the broken lines."""
    ids = playback_ids(season.seed, len(season.playbacks))
    broken_kinds = _place_broken_lines(season.seed)

    def land_one(part: pl.DataFrame) -> tuple[int, str | None]:
        file = str(part["file"][0])
        frame = heartbeat_frame(
            part,
            beats=season.beats,
            playbacks=season.playbacks,
            catalogue=season.catalogue,
            ids=ids,
        )
        line, reason = None, None
        if file in broken_kinds:
            like = with_text_instants(frame.slice(frame.height // 2, 1)).to_dicts()[0]
            line, reason = blemishes.break_heartbeat(broken_kinds[file], like)
        path = heartbeat_path(file)
        return land(landing_dir, path, encode_frame(path, frame, line)), reason

    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as workers:
        landed = list(workers.map(land_one, delivered.partition_by("file", maintain_order=True)))
    return [size for size, _ in landed], Counter(reason for _, reason in landed if reason)


def _place_broken_lines(seed: int) -> dict[str, int]:
    """Spread the kinds of broken heartbeats over the NDJSON days, at most one in a file."""
    rng = timeline.generator(seed, "blemishes")
    names = [day.isoformat() for day in timeline.DAYS]
    ndjson_days = [name for name in names if "ndjson" in heartbeat_path(name)]
    chosen = rng.choice(ndjson_days, size=BROKEN_HEARTBEATS, replace=False)
    return {str(name): number % blemishes.KINDS for number, name in enumerate(chosen)}
