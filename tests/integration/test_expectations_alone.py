"""Each suite sees a fault that nothing else sees: the rows of the table in docs/expectations.md.

Every line of the delivered files passes its contract. With the suite, the file is held or the close refused. Without
the one expectation, everything is loaded without a word, dbt's tests pass, and the month closes without a warning.
"""

import importlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from schwifty import IBAN

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import load_new_files
from allive.ingestion.reports import CheckResult
from allive.ingestion.settings import Settings
from allive.orchestration.dbt_invocation import NodeResult
from allive.orchestration.warehouse import build_warehouse
from allive.payouts.closing import settle_month
from allive.payouts.month_checks import check_month, critical_refusals
from tests.pipeline import Pipeline, new_pipeline

Record = dict[str, Any]
ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "expectations.md"
MONTH: Final = "2021-02"
DAYS: Final = 28
MANY: Final = 60
UPDATED: Final = "2021-01-05T09:00:00Z"
VIEWERS: Final = [f"viewer-{number}" for number in range(6)]
BEATS: Final = 120


def lives(name: str, number: int, duration_s: int) -> list[Record]:
    """Concerts."""
    concert = {"kind": "live", "exclusive": True, "duration_s": duration_s, "updated_at": UPDATED}
    return [{"live_id": f"{name}-{one}", "title": f"{name} {one}", **concert} for one in range(number)]


def credits_of(lives: Iterable[Record], artist_id: str, updated_at: str = UPDATED) -> list[Record]:
    """One artist for each of the lives."""
    part = {"artist_id": artist_id, "share_bp": 10_000, "updated_at": updated_at}
    return [{"live_id": live["live_id"], **part} for live in lives]


def artists(name: str, number: int) -> list[Record]:
    """Artists with different names."""
    return [
        {"artist_id": f"{name}-{one}", "name": f"{name} number {one}", "updated_at": UPDATED} for one in range(number)
    ]


def categories(artists: Iterable[Record], category: str, valid_from: str = "2020-01-01") -> list[Record]:
    """A category for each of the artists."""
    change = {"category": category, "valid_from": valid_from, "updated_at": UPDATED}
    return [{"artist_id": artist["artist_id"], **change} for artist in artists]


def period(name: str, *, start: str = "2021-02-01", end: str = "2021-03-01", **more: Any) -> Record:
    """A paid period of a subscriber."""
    of_one = {"period_id": f"in-{name}", "subscriber_id": name, "period_start": start, "period_end": end}
    return of_one | {"status": "paid", "price_cents": 499, "envelope_cents": 100, "updated_at": UPDATED} | more


def beats(subscriber_id: str, playback_id: str, live_id: str, day: int, number: int = BEATS) -> Iterator[Record]:
    """One playback: a heartbeat every 10 s in the evening."""
    for beat in range(number):
        minute, second = divmod(beat * 10, 60)
        yield {
            "event_id": f"{playback_id}-{beat}",
            "playback_id": playback_id,
            "subscriber_id": subscriber_id,
            "live_id": live_id,
            "event_at": f"2021-02-{day:02}T20:{minute:02}:{second:02}.250Z",
            "state": "playing",
            "sequence": beat,
            "position_s": beat * 10,
            "device": "web",
        }


GOOD: Final[dict[str, list[Record]]] = {
    "heartbeats": [
        beat
        for day in range(1, DAYS + 1)
        for viewer in VIEWERS
        for beat in beats(viewer, f"{viewer}-{day}", "concert-0", day)
    ],
    "subscriptions": [period(viewer) for viewer in VIEWERS],
    "artists": [*artists("artist", 2), *artists("extra", 10)],
    "artist_categories": categories([*artists("artist", 2), *artists("extra", 10)], "emerging"),
    "lives": lives("concert", 25, 5_400),
    "live_credits": credits_of(lives("concert", 25, 5_400), "artist-0"),
}
"""A month in which everything is right."""
TWICE: Final = [
    {"artist_id": unicodedata.normalize(form, "beyoncé"), "name": "Beyoncé", "updated_at": UPDATED}
    for form in ("NFC", "NFD")
]
"""One artist under an id that two systems encode in two ways."""

FAULTS: Final[dict[tuple[str, str], dict[str, list[Record]]]] = {
    ("heartbeats", "subscribers_are_not_playbacks"): {
        "heartbeats": [
            beat for one in range(30) for beat in beats(f"run-{one}", f"run-{one}", "concert-1", 17, number=10)
        ]
    },
    ("subscriptions", "prices_in_cents"): {
        "subscriptions": [period(f"euro-{one}", price_cents=5, envelope_cents=None) for one in range(20)]
    },
    ("subscriptions", "period_of_one_subscriber"): {
        "subscriptions": [
            period(f"of-{day}", period_id="1.23457E+15", start=f"2021-02-{day:02}", end="2021-03-01")
            for day in range(1, 7)
        ]
    },
    ("artists", "names_differ"): {
        "artists": [
            one | {"name": "Artiste", "iban": str(IBAN.generate("DE", "37040044", f"{number:010}"))}
            for number, one in enumerate(artists("nameless", 50))
        ]
    },
    ("artist_categories", "one_category_at_a_time"): {
        "artist_categories": [
            change
            for category in ("emerging", "independent", "known")
            for change in categories(artists("extra", 10), category, valid_from="2021-01-10")
        ]
    },
    ("lives", "durations_in_seconds"): {"lives": [*lives("show", 19, 90), *lives("long-show", 1, 240)]},
    ("live_credits", "updated_after_1970"): {
        "live_credits": credits_of(lives("concert", 20, 5_400), "artist-1", updated_at="1970-01-01T00:00:00Z")
    },
    ("month_artists", "artists_are_written_one_way"): {
        "artists": TWICE,
        "artist_categories": categories(TWICE, "independent"),
        "lives": lives("twice", 2, 5_400),
        "live_credits": [
            credit
            for artist, live in zip(TWICE, lives("twice", 2, 5_400), strict=True)
            for credit in credits_of([live], artist["artist_id"])
        ],
    },
    ("month_slices", "envelopes_are_of_a_subscription"): {
        "subscriptions": [period("micro", price_cents=None, envelope_cents=1_000_000)]
    },
}
"""The faulty files of each row of the table, by suite and expectation. Every line is right by itself."""
OF_FILES: Final = [row for row in FAULTS if row[0] in RECORD_TYPES]
OF_MONTHS: Final = [row for row in FAULTS if row[0] not in RECORD_TYPES]


def module_of(suite: str) -> str:
    """The module with a suite."""
    return f"allive.{'ingestion' if suite in RECORD_TYPES else 'payouts'}.expectations.{suite}"


@contextmanager
def switched_off(*rows: tuple[str, str]) -> Iterator[None]:
    """The suites without these expectations."""
    # The library's own imports warn about old modules; this module keeps them quiet.
    importlib.import_module("allive.ingestion.expectations.duckdb_datasource")
    with pytest.MonkeyPatch.context() as patch:
        for suite in {suite for suite, _ in rows}:
            module = importlib.import_module(module_of(suite))
            left = [one for one in module.SUITE.expectations if (suite, one.meta["check"]) not in rows]
            assert len(left) == len(module.SUITE.expectations) - sum(row[0] == suite for row in rows)
            patch.setattr(module, "SUITE", type(module.SUITE)(name=suite, expectations=left))
        yield


def land(settings: Settings, name: str, files: dict[str, list[Record]]) -> None:
    """Deliver one file per record type."""
    for record_type, records in files.items():
        path = settings.landing_dir / record_type / f"{name}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def failed(checks: Iterable[CheckResult]) -> set[str]:
    """The names of the checks that did not pass."""
    return {check.name for check in checks if not check.passed}


def test_the_table_has_these_faults_and_every_suite() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [*FAULTS]
    folders = [ROOT / package / "expectations" for package in ("ingestion", "payouts")]
    suites = [path.stem for folder in folders for path in folder.glob("*.py")]
    assert {suite for suite, _ in rows} == {suite for suite in suites if suite in {*RECORD_TYPES} or "month_" in suite}


@pytest.mark.parametrize(("suite", "check"), OF_FILES)
def test_a_suite_holds_the_faulty_file_and_nothing_else_says_anything(tmp_path: Path, suite: str, check: str) -> None:
    reports = []
    for home in ("with", "without"):
        settings = Settings(home=tmp_path / home)
        land(settings, "good", {suite: GOOD[suite]})
        land(settings, "faulty", FAULTS[suite, check])
        if home == "with":
            reports.append(load_new_files(settings, suite))
        else:
            with switched_off((suite, check)):
                reports.append(load_new_files(settings, suite))
    held, taken = reports
    assert held is not None
    assert taken is not None
    assert (held.held_files, failed(held.checks)) == ((f"{suite}/faulty.ndjson",), {check})
    assert (taken.verdict, taken.rejects, failed(taken.checks)) == ("promoted", 0, set())


RARE: Final[dict[str, list[Record]]] = {
    "artists": [one | {"name": "TBA"} for one in artists("festival", 60)],
    "subscriptions": [
        *(period(f"trial-{one}", price_cents=1, envelope_cents=0) for one in range(25)),
        *(period("day", period_id=f"day-{day}", end=f"2021-02-{day + 1:02}", start=f"2021-02-{day:02}", price_cents=13,
                 envelope_cents=3) for day in range(1, 27)),
        period("before", period_id="moved"),
        period("after", period_id="moved", start="2021-02-02", updated_at="2021-02-03T09:00:00Z"),
    ],
}  # fmt: skip
"""Unusual files in which nothing is wrong."""


@pytest.mark.parametrize("suite", RARE)
def test_a_rare_file_is_not_held(tmp_path: Path, suite: str) -> None:
    """A festival of artists who are not named yet; trials; a year's plan by day; a corrected period."""
    settings = Settings(home=tmp_path)
    land(settings, "rare", {suite: RARE[suite]})
    report: Any = load_new_files(settings, suite)
    assert (report.verdict, report.rejects, report.held_files) == ("promoted", 0, ())


@dataclass(frozen=True)
class Unseen:
    """A warehouse that was built from all faulty files at once."""

    pipeline: Pipeline
    tests: tuple[NodeResult, ...]
    """The results of dbt's data tests."""
    of_month: tuple[CheckResult, ...]
    """The results of the month's suites."""


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Unseen:
    """All faults at once, with the suites of files without the expectations of the table."""
    pipeline = new_pipeline(tmp_path_factory.mktemp("unseen"), parsed=parsed_home)
    land(pipeline.settings, "good", GOOD)
    for number, files in enumerate(FAULTS.values()):
        land(pipeline.settings, f"faulty-{number}", files)
    with switched_off(*OF_FILES):
        reports = pipeline.load()
    assert {(report.verdict, report.rejects) for report in reports} == {("promoted", 0)}
    build = build_warehouse(pipeline.settings)
    tests = tuple(node for node in build.nodes if node.unique_id.startswith("test."))
    return Unseen(pipeline, tests, check_month(pipeline.settings, MONTH))


@pytest.mark.slow
def test_no_test_of_dbt_sees_any_of_the_faults(unseen: Unseen) -> None:
    assert len(unseen.tests) > MANY
    assert [test.unique_id for test in unseen.tests if test.status != "pass"] == []


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "check"), OF_MONTHS)
def test_the_suite_of_a_month_refuses_its_close(unseen: Unseen, suite: str, check: str) -> None:
    assert failed(unseen.of_month) == {check for _, check in OF_MONTHS}
    assert any(f"Check {check} failed" in refusal for refusal in critical_refusals(unseen.of_month)), suite


@pytest.mark.slow
def test_without_the_suites_the_month_is_proven_and_closes_without_a_warning(unseen: Unseen) -> None:
    with switched_off(*OF_MONTHS):
        assert failed(check_month(unseen.pipeline.settings, MONTH)) == set()
    assert settle_month(unseen.pipeline.settings, MONTH).acknowledgement is None
    assert unseen.pipeline.close_as_built(MONTH).run_hash
