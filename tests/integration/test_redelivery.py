"""A broken delivery, corrected and delivered again, gives the same money as one that was right the first time."""

import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from allive.ingestion.batches import list_held
from allive.orchestration import cli
from allive.payouts.closing import settle_month
from allive.payouts.ledger import month_dir
from tests.oracle.landed_files import read_file
from tests.oracle.landed_records import judge
from tests.oracle.watch_time import WatchTime
from tests.pipeline import Pipeline

# Dagster 1.13 still asks pydantic for `__fields__`.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

Record = dict[str, Any]
MONTH = "2021-02"
SUBSCRIBERS, LIVES, ARTISTS, FILES = 70, 9, 4, 20
LINES, THOROUGH_LINES = 20_000, 200_000
LINES_A_PLAYBACK = 200
BROKEN_EVERY = 40
"""One line in this many is broken in a usual file."""
BROKEN_MORE_EVERY = 8
"""One line in this many is broken in the file that is held."""
HELD = 7
WAYS: dict[str, Callable[[Record], Record | str]] = {
    "malformed": lambda beat: json.dumps(beat)[:60],
    "missing_event_id": lambda beat: beat | {"event_id": None},
    "missing_playback_id": lambda beat: beat | {"playback_id": ""},
    "missing_subscriber_id": lambda beat: {key: value for key, value in beat.items() if key != "subscriber_id"},
    "missing_live_id": lambda beat: beat | {"live_id": None},
    "bad_event_id": lambda beat: beat | {"event_id": [beat["event_id"]]},
    "bad_subscriber_id": lambda beat: beat | {"subscriber_id": {"id": beat["subscriber_id"]}},
    "bad_event_at": lambda beat: beat | {"event_at": beat["event_at"].removesuffix("Z")},
    "in_future": lambda beat: beat | {"received_at": "2021-01-01T00:00:00Z"},
    "too_late": lambda beat: beat | {"received_at": "2021-03-30T00:00:00Z"},
}
"""Ways to break a heartbeat, by reject reason."""
BROKEN_PERIODS: dict[str, tuple[str, str]] = {
    "bad_price_cents": ("price_cents", "4,99 €"),
    "bad_currency": ("currency", "CHF"),
    "period_order": ("period_end", "2021-01-31"),
}


def beats(lines: int) -> list[Record]:
    """Heartbeats of a month, shuffled as a collector would write them."""
    made = []
    for playback in range(lines // LINES_A_PLAYBACK):
        for number in range(LINES_A_PLAYBACK):
            minute, second = divmod(number * 10, 60)
            made.append(
                {
                    "event_id": f"e-{playback}-{number}",
                    "playback_id": f"p-{playback}",
                    "subscriber_id": f"s-{playback % SUBSCRIBERS}",
                    "live_id": f"l-{playback % LIVES}",
                    "event_at": f"2021-02-{1 + playback % 20:02}T{10 + minute // 60:02}:{minute % 60:02}:{second:02}Z",
                    "state": "paused" if number % 20 == 19 else "playing",
                    "sequence": number,
                    "position_s": number * 10,
                }
            )
    random.Random(14).shuffle(made)
    return made


def periods() -> list[Record]:
    """A paid period for each subscriber, at different prices, so that their envelopes differ."""
    return [
        {
            "period_id": f"in-{number}",
            "subscriber_id": f"s-{number}",
            "period_start": "2021-02-01",
            "period_end": "2021-03-01",
            "status": "paid",
            "updated_at": "2021-02-01T09:00:00Z",
            "price_cents": str(40 + number),
            "currency": "EUR",
        }
        for number in range(SUBSCRIBERS)
    ]


def deliver_catalogue(landing: Path) -> None:
    """Deliver artists of every category, including known ones, and their lives."""
    categories = ("emerging", "independent", "known", "emerging")
    records: dict[str, list[Record]] = {
        "artists": [{"artist_id": f"a-{number}", "name": f"Artiste {number}"} for number in range(ARTISTS)],
        "artist_categories": [
            {"artist_id": f"a-{number}", "category": category, "valid_from": "2020-01-01"}
            for number, category in enumerate(categories)
        ],
        "lives": [
            {"live_id": f"l-{number}", "title": "Un soir", "kind": "live", "exclusive": True, "duration_s": 3_600}
            for number in range(LIVES)
        ],
        "live_credits": [
            {"live_id": f"l-{number}", "artist_id": f"a-{number % ARTISTS}", "share_bp": 10_000}
            for number in range(LIVES)
        ],
    }
    for record_type, rows in records.items():
        write(landing / record_type / "all.ndjson", map(json.dumps, rows))


def write(path: Path, lines: Iterable[str]) -> None:
    """Deliver a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def as_csv(rows: list[Record]) -> list[str]:
    """The rows as a French spreadsheet writes them, header first."""
    return [";".join(rows[0]), *(";".join(row.values()) for row in rows)]


def part(number: int) -> str:
    """The name of a file of heartbeats."""
    return f"heartbeats/part-{number:02}.ndjson"


def in_files(beats: list[Record]) -> list[list[Record]]:
    """Split the beats evenly into files."""
    size = len(beats) // FILES
    return [beats[file * size : (file + 1) * size] for file in range(FILES)]


def break_beats(right: list[Record]) -> tuple[dict[int, list[str]], Counter[str]]:
    """Break some lines of each file, using the ways in turn; return each file's lines, and the count per reason."""
    files: dict[int, list[str]] = {}
    broken: Counter[str] = Counter()
    ways = list(WAYS.items())
    for file, beats_of_file in enumerate(in_files(right)):
        every = BROKEN_MORE_EVERY if file == HELD else BROKEN_EVERY
        files[file] = []
        for line, beat in enumerate(beats_of_file):
            found: Record | str = beat
            if line % every == 0:
                reason, break_it = ways[broken.total() % len(ways)]
                found = break_it(beat)
                broken[reason] += 1
            files[file].append(found if isinstance(found, str) else json.dumps(found))
    return files, broken


def allive(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit status and its output in one line."""
    result = CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)
    return result.exit_code, " ".join(result.output.split())


def correct(folder: Path, landing: Path, right: dict[str, list[str]]) -> int:
    """Deliver the exported files with their lines corrected, using the reasons file next to each; return the count."""
    corrected = 0
    for exported in sorted(path for path in folder.rglob("rejects-*") if path.is_file()):
        with exported.with_name(f"_{exported.stem}.reasons.csv").open(encoding="utf-8", newline="") as side:
            reasons = list(csv.DictReader(side))
        lines = exported.read_text(encoding="utf-8").splitlines()
        for row in reasons:
            lines[int(row["line"]) - 1] = right[row["source_file"]][int(row["source_line"]) - 1]
        write(landing / exported.parent.name / exported.name, lines)
        corrected += len(reasons)
    return corrected


def test_a_month_closes_on_a_corrected_delivery_as_on_one_that_was_right(
    make_pipeline: Callable[[str], Pipeline],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:
    made, paid = beats(THOROUGH_LINES if pytestconfig.getoption("--thorough") else LINES), periods()
    right_lines = {part(file): [json.dumps(beat) for beat in beats] for file, beats in enumerate(in_files(made))}
    right_lines["subscriptions/paid.csv"] = as_csv(paid)
    right, late = make_pipeline("right"), make_pipeline("late")
    for one in (right, late):
        deliver_catalogue(one.landing)
    for name, lines in right_lines.items():
        write(right.landing / name, lines)

    files, broken = break_beats(made)
    assert len(broken) == len(WAYS)
    for file, lines in files.items():
        write(late.landing / part(file), lines)
    damaged = [dict(row) for row in paid]
    for row, (field, value) in zip(damaged[10:], BROKEN_PERIODS.values(), strict=False):
        row[field] = value
    write(late.landing / "subscriptions/paid.csv", as_csv(damaged))
    monkeypatch.setenv("ALLIVE_HOME", str(late.settings.home))
    monkeypatch.setenv("DAGSTER_HOME", str(late.settings.dagster_dir))
    monkeypatch.setenv("ALLIVE_PSEUDONYM_KEY", "tests")

    status, said = allive("run")
    assert status == 1
    (batch,) = list_held(late.settings)
    assert batch.names == (part(HELD),)
    assert "1 file is held" in said
    status, said = allive("payout", MONTH)
    assert status == 1
    assert batch.batch_id in said

    rejected = broken.total() + len(BROKEN_PERIODS)
    status, said = allive("rejects", "export", "--to", str(tmp_path / "to-correct"))
    assert (status, f"Exported {rejected:,} rejected lines" in said) == (0, True), said
    assert correct(tmp_path / "to-correct", late.landing, right_lines) == rejected
    assert allive("batches", "release", batch.batch_id, "--why", "its other lines are right")[0] == 0
    status, said = allive("run")
    assert status == 0, said
    assert "No rejects." in allive("rejects", "list", "--open")[1]
    acknowledged = settle_month(late.settings, MONTH).acknowledgement
    status, said = allive("payout", MONTH, *(("--acknowledge", acknowledged) if acknowledged else ()))
    assert status == 0, said

    right.run()
    right.close(MONTH)
    right.build()  # with the new bookings, as the command does at its end
    assert figures(late) == figures(right)
    assert figures(late)["fct_playbacks"][0] == len(made) / LINES_A_PLAYBACK
    for name in ("artist_payouts.csv", "adjustments.csv", "slices.parquet"):
        found, expected = ((month_dir(one.settings, MONTH) / name).read_bytes() for one in (late, right))
        assert found == expected, name
    control, expected_control = (
        json.loads((month_dir(one.settings, MONTH) / "control.json").read_bytes()) for one in (late, right)
    )
    assert without_pins(control) == without_pins(expected_control)
    assert_watch_time_is_the_oracle_s(late, right.landing)


NOT_FIGURES = (
    *("batch_number", "source_file", "source_line", "inputs", "batch", "last_batch"),
    *("delivered_heartbeats", "rejects"),
)


def figures(pipeline: Pipeline) -> dict[str, tuple[int, int]]:
    """Row count and sum of row hashes per mart, without the columns that say when and where records landed."""
    with pipeline.warehouse() as con:
        marts = con.execute(
            "select table_name, string_agg(column_name, ', ' order by column_index) from duckdb_columns() "
            "where schema_name = 'marts' and column_name not in (select unnest(?)) group by all",
            [list(NOT_FIGURES)],
        ).fetchall()
        return {
            mart: con.execute(
                f"select count(*), sum(hash(figures)::hugeint) from (select {columns} from marts.{mart}) as figures"
            ).fetchone()
            for mart, columns in marts
        }


def without_pins(control: Record) -> Record:
    """A control file without the pinned raw versions, which differ even if the money is the same."""
    assert "raw_versions" in control
    return {name: value for name, value in control.items() if name != "raw_versions"}


def assert_watch_time_is_the_oracle_s(pipeline: Pipeline, right: Path) -> None:
    """Compare watch time with the oracle's, read from the correct heartbeats."""
    lines = (line.values for file in range(FILES) for line in read_file(right / part(file), part(file)).lines)
    sample = {f"p-{number}" for number in range(40)}
    expected = WatchTime.of(
        judge("heartbeats", beat, loaded_at=2**62) for beat in lines if beat["playback_id"] in sample
    ).by_playback()
    with pipeline.warehouse() as con:
        found = con.execute("select playback_id, watch_ms::bigint from marts.fct_playbacks").fetchall()
    by_name = {playback: watch_ms for (playback, *_), watch_ms in expected.items()}
    assert {playback: watch_ms for playback, watch_ms in found if playback in sample} == by_name
    assert len(by_name) == len(sample)
