"""A season of any size for benches: artists, lives, subscribers and their heartbeats, the same on every machine.

`python -m bench.season` fills a data home with it, day by day. Heartbeats are landed as NDJSON or, much faster, put
into the raw layer as batches, as if they had been loaded. Everything else is landed and loaded either way.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from allive.ingestion.contracts import CONTRACTS, RECORD_TYPES
from allive.ingestion.engine import connect
from allive.ingestion.load import load_new_files
from allive.ingestion.lock import data_home_lock
from allive.ingestion.promotion import Promotion, promote, staging_folder
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.ingestion.sql_text import sql_text
from allive.ingestion.staged_files import sync_files
from allive.ingestion.staging import stage_accepted

_SQL = Path(__file__).with_name("sql") / "season"
_CATALOGUE = ("artists", "artist_categories", "lives", "live_credits")
_EVENT_DAY = next(sql for name, _, sql in CONTRACTS["heartbeats"].derived if name == "event_day")
# The average of bench/sql/season/heartbeats.sql, redeliveries included.
_DELIVERED_A_PLAYBACK = 155
# A third of the subscribers watch on any given day.
_SUBSCRIBERS_A_PLAYBACK = 3
_LANDED = """
    select
        event_id, playback_id, subscriber_id, live_id,
        strftime(event_at, '%Y-%m-%dT%H:%M:%S.%gZ') as event_at, state,
        strftime(received_at, '%Y-%m-%dT%H:%M:%S.%gZ') as received_at, sequence,
        position_ms / 1000 as position_s, playback_rate, device, surface, app_version
    from delivery
"""
_ACCEPTED = """
    select * exclude (event_day), $source_file as source_file, rowid + 1 as source_line,
        cast($batch_number as bigint) as batch_number, event_day
    from delivery
"""


class Form(StrEnum):
    """How heartbeats are written."""

    RAW = "raw"
    NDJSON = "ndjson"


@dataclass(frozen=True)
class Season:
    """A season, fully determined by these values: its days can be written at different times."""

    heartbeats_a_day: int = 3_000_000
    first_day: date = date(2024, 1, 1)

    @property
    def playbacks_a_day(self) -> int:
        """Number of playbacks that begin per day."""
        return max(1, round(self.heartbeats_a_day / _DELIVERED_A_PLAYBACK))

    @property
    def subscribers(self) -> int:
        """Number of subscribers over the whole season."""
        return self.playbacks_a_day * _SUBSCRIBERS_A_PLAYBACK

    def day(self, number: int) -> date:
        """Return the date of a day of the season, counted from 0."""
        return date.fromordinal(self.first_day.toordinal() + number)


def land_season(
    settings: Settings,
    season: Season,
    days: range,
    *,
    files_a_day: int = 1,
    on_day: Callable[[int], None] = lambda _day: None,
) -> None:
    """Land everything that is delivered on `days` (counted from 0), with heartbeats as NDJSON.

    The catalogue is delivered on day 0. `on_day` is called with each day that was written.
    """
    with _season(settings, season) as con:
        _land_records(con, settings, season, days)
        for day in days:
            rows = _make_delivery(con, season, day)
            for part in range(files_a_day):
                bounds = (part * rows // files_a_day, (part + 1) * rows // files_a_day)
                _land(
                    con,
                    settings.landing_dir / _heartbeat_file(season, day, part),
                    f"{_LANDED} where rowid >= {bounds[0]} and rowid < {bounds[1]} order by rowid",
                    "format json",
                )
            on_day(day)


def load_season(
    settings: Settings, season: Season, days: range, *, on_day: Callable[[int], None] = lambda _day: None
) -> None:
    """Put `days` into the raw layer: heartbeats as one batch per day, without landing them; the rest by the loader.

    The data home must be locked. `on_day` is called with each day that was promoted.
    """
    with _season(settings, season) as con:
        _land_records(con, settings, season, days)
        for record_type in RECORD_TYPES:
            if record_type != "heartbeats":
                load_new_files(settings, record_type, now=datetime.now(UTC))
        for day in days:
            _make_delivery(con, season, day)
            _promote_delivery(con, settings, season, day)
            on_day(day)


@contextmanager
def _season(settings: Settings, season: Season) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connect(settings)
    try:
        con.execute("set preserve_insertion_order = true")
        con.execute((_SQL / "macros.sql").read_text(encoding="utf-8"))
        con.execute("set variable first_day = cast(? as date)", [season.first_day])
        yield con
    finally:
        con.close()


def _query(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8").replace("{event_day}", _EVENT_DAY)


def _make_delivery(con: duckdb.DuckDBPyConnection, season: Season, day: int) -> int:
    # Spills to disk above the memory limit, like any table of a connection without a file.
    con.execute(
        f"create or replace temp table delivery as {_query('heartbeats')}",
        {
            "day": day,
            "playbacks": season.playbacks_a_day,
            "subscribers": season.subscribers,
            "first_day": season.first_day,
        },
    )
    count = con.execute("select count(*) from delivery").fetchone()
    return int(count[0]) if count else 0


def _land_records(con: duckdb.DuckDBPyConnection, settings: Settings, season: Season, days: range) -> None:
    first_day = {"first_day": season.first_day}
    if 0 in days:
        for record_type in _CATALOGUE:
            path = settings.landing_dir / record_type / f"{record_type}.csv"
            _land(con, path, _query(record_type), "format csv", first_day)
    for day in days:
        parameters: dict[str, Any] = {"day": day, "subscribers": season.subscribers, **first_day}
        path = settings.landing_dir / "subscriptions" / f"{season.day(day)}.csv"
        _land(con, path, _query("subscriptions"), "format csv", parameters)


def _land(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    query: str,
    options: str,
    parameters: dict[str, Any] | None = None,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    con.execute(f"copy ({query}) to {sql_text(part)} ({options})", parameters)
    part.rename(path)


def _heartbeat_file(season: Season, day: int, part: int) -> Path:
    date_ = season.day(day)
    return Path("heartbeats") / f"{date_:%Y-%m}" / f"heartbeats-{date_}-{part:03}.ndjson"


def _promote_delivery(con: duckdb.DuckDBPyConnection, settings: Settings, season: Season, day: int) -> None:
    contract = CONTRACTS["heartbeats"]
    batch_number = read_pins(settings).batch_number + 1
    source_file = _heartbeat_file(season, day, 0).as_posix()
    content_hash = hashlib.sha256(f"{season} {day}".encode()).hexdigest()
    batch_id = f"{contract.record_type}-{batch_number:06}-{content_hash[:8]}"
    folder = staging_folder(settings, batch_id)
    folder.mkdir(parents=True)
    files = stage_accepted(
        con,
        contract,
        _ACCEPTED,
        folder=folder,
        batch_id=batch_id,
        parameters={"batch_number": batch_number, "source_file": source_file},
    )
    sync_files(folder, files)
    promote(
        settings,
        Promotion(
            batch_id=batch_id,
            batch_number=batch_number,
            record_type=contract.record_type,
            files=tuple(files),
            content_hashes=(content_hash,),
            unreadable_hashes=(),
        ),
    )


def main(  # noqa: PLR0917 - typer binds options by name
    home: Annotated[Path, typer.Option(help="The data home to fill.")],
    days: Annotated[int, typer.Option(min=1, help="How many days to write.")],
    heartbeats_a_day: Annotated[int, typer.Option(min=200, help="Heartbeats per day, about; 2 % are redelivered.")] = (
        3_000_000
    ),
    form: Annotated[
        Form, typer.Option("--as", help="raw: into the raw layer, without landing the heartbeats; ndjson: landed.")
    ] = Form.RAW,
    first_day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The season's first day.")] = datetime(  # noqa: DTZ001
        2024, 1, 1
    ),
    from_day: Annotated[
        int, typer.Option(min=0, help="Continue a season that already has this many days (same options).")
    ] = 0,
    files_a_day: Annotated[int, typer.Option(min=1, help="NDJSON files per day.")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="DuckDB's threads; 0: all cores.")] = 0,
    memory_gb: Annotated[float, typer.Option(help="DuckDB's memory limit.")] = 4.0,
) -> None:
    """Fill a data home with a generated season; the same options give the same season."""
    settings = Settings(home=home, threads=threads, memory_limit=f"{memory_gb}GB")
    season = Season(heartbeats_a_day, first_day.date())
    numbers = range(from_day, from_day + days)
    started, cpu = time.perf_counter(), time.process_time()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with data_home_lock(settings, command="bench.season"), Progress(*columns) as progress:
        task = progress.add_task("days", total=days)

        def on_day(day: int) -> None:
            progress.update(task, advance=1, description=f"{season.day(day)}")

        if form is Form.RAW:
            load_season(settings, season, numbers, on_day=on_day)
        else:
            land_season(settings, season, numbers, files_a_day=files_a_day, on_day=on_day)
    print(
        f"{days} days from {season.day(from_day)}, each with about {season.heartbeats_a_day:,} heartbeats in "
        f"{season.playbacks_a_day:,} playbacks; {season.subscribers:,} subscribers, in {settings.home} as {form}: "
        f"{time.perf_counter() - started:.1f} s, {time.process_time() - cpu:.1f} s of CPU"
    )


if __name__ == "__main__":
    typer.run(main)
