"""A closed month's parts are the same cents on the page, the statement, in the CSV and on the terminal (§5.6).

The expected cents are split by the oracle from the nanos in the month's files.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from allive.dashboards.access import Role
from allive.dashboards.app_pages.all_exports import find_export
from allive.dashboards.exports import as_csv
from allive.dashboards.viewer import Viewer
from allive.ingestion.settings import Settings
from allive.orchestration.commands.explain import explain_artist
from allive.orchestration.commands.payout import closed_lines, show_control, show_lines
from tests.closed_chain import read_json, read_rows, small_chain
from tests.oracle.settlement import largest_remainder
from tests.terminal_tables import cents, tables
from tests.unit.dashboards.page_reading import cells, figures, words
from tests.unit.dashboards.page_runs import run_page, viewer_of
from tests.unit.dashboards.serving_copies import write_home

pytestmark = pytest.mark.slow

ARTISTS = ("art-a", "art-b")
CENT = 10_000_000


def split(amount: int, parts: Sequence[int]) -> list[int]:
    """The oracle's split, in the order shown."""
    if not any(parts):
        return [0] * len(parts)
    return [*largest_remainder(amount, dict(enumerate(parts))).values()]  # type: ignore[type-var]


def in_order(lives: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(lives, key=lambda one: (-int(one["direct_nanos"]), -int(one["watch_ms"]), one["live_id"]))


class Closed:
    """A home with closed months and the serving copy of it; no later data have come."""

    def __init__(self, home: Path) -> None:
        chain = small_chain(home / "payouts", seed=3, months=3)
        self.settings = Settings(home=home)
        self.months = chain.months
        self.controls = {month: read_json(home / "payouts" / month / "control.json") for month in self.months}
        self.lines = {month: closed_lines(self.settings, month) for month in self.months}
        self.lives = {month: read_rows(home / "payouts" / month / "artist_lives.csv") for month in self.months}
        write_home(home, **self._published())

    def _published(self) -> dict[str, list[dict[str, Any]]]:
        of_run = (
            *("settlement_month", "periods", "idle_periods", "envelope_nanos", "envelope_cents", "direct_nanos"),
            *("pool_nanos", "earned_cents", "adjustment_cents", "brought_forward_cents", "paid_cents", "paid_artists"),
            "carried_forward_cents",
        )
        return {
            "closed_months": [
                {name: control[name] for name in of_run}
                | {
                    "run_hash": "0" * 64,
                    "pool_members": len(control["pool_members"]),
                    "payment_date": date.fromisoformat(control["payment_date"]),
                    "pool_rule": "equal",
                    "minimum_payout_cents": control["policy"]["minimum_payout_cents"],
                }
                for control in self.controls.values()
            ],
            "artist_payouts": [
                {**line, "carry_reason": line["carry_reason"] or None}
                for month in self.months
                for line in self.lines[month]
            ],
            "dim_artists": [
                {"artist_id": artist, "artist_name": artist, "latest_category": "emerging"} for artist in ARTISTS
            ],
            "fct_settlement_months": [
                {"settlement_month": month, "is_closed": True, "envelope_cents": 600, "pool_rule": "equal"}
                | {name: control[name] for name in ("periods", "envelope_nanos", "direct_nanos", "pool_nanos")}
                | {"pool_members": len(control["pool_members"])}
                for month, control in self.controls.items()
            ],
            "fct_artist_months": [
                {"settlement_month": month, "artist_id": line["artist_id"], "category": line["category"]}
                | {"current_to_pool_nanos": 0, "pro_rata_earned_nanos": 0, "pro_rata_earned_cents": 0}
                | {
                    f"current_{name}": line[name]
                    for name in (
                        "watch_ms",
                        "paying_subscribers",
                        "direct_nanos",
                        "pool_nanos",
                        "earned_nanos",
                        "earned_cents",
                    )
                }
                for month in self.months
                for line in self.lines[month]
            ],
            "fct_artist_lives": [
                {
                    name: int(value) if name.endswith(("_ms", "_nanos", "_subscribers")) else value
                    for name, value in row.items()
                }
                for month in self.months
                for row in self.lives[month]
            ],
        }

    def line(self, month: str, artist: str) -> Mapping[str, Any]:
        (found,) = (line for line in self.lines[month] if line["artist_id"] == artist)
        return found

    def parts(self, month: str, artist: str) -> list[int]:
        """Direct and pool, of what the artist earned."""
        line = self.line(month, artist)
        return split(line["earned_cents"], (line["direct_nanos"], line["pool_nanos"]))

    def of_lives(self, month: str, artist: str) -> dict[str, int]:
        """The artist's lives with their cents, as they are shown."""
        lives = in_order([live for live in self.lives[month] if live["artist_id"] == artist])
        amounts = split(self.parts(month, artist)[0], [int(live["direct_nanos"]) for live in lives])
        return {live["live_id"]: amount for live, amount in zip(lives, amounts, strict=True)}

    def of_run(self, month: str) -> list[int]:
        """Direct and pool of the month."""
        control = self.controls[month]
        return split(control["envelope_cents"], (control["direct_nanos"], control["pool_nanos"]))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Closed:
    return Closed(tmp_path_factory.mktemp("closed"))


def euros(text: str) -> int:
    return int(re.sub(r"[\s\u202f,€]", "", text).replace("\u2212", "-"))


def exported(name: str, viewer: Viewer, **parameters: str) -> list[dict[str, str]]:
    make = find_export(name)
    assert make is not None
    text = as_csv(make(viewer.principal, viewer.copy, parameters)).decode("utf-8-sig")
    return [*csv.DictReader(text.splitlines())]


def printed(closed: Closed, month: str, artist: str) -> str:
    pdf = closed.settings.home / "payouts" / month / "statements" / f"{artist}.pdf"
    return "\n".join(page.extract_text() for page in PdfReader(pdf).pages)


def amounts_after(pattern: str, text: str) -> Iterator[int]:
    return (
        euros(found) for found in re.findall(rf"^{pattern}.*?(\u2212?[\d\u202f]+,\d\d\u202f€)$", text, re.MULTILINE)
    )


def test_the_months_are_worth_comparing(closed: Closed) -> None:
    """Parts that end within a cent, and an artist with several lives: rounding each by itself would not add up."""
    lines = [line for month in closed.months for line in closed.lines[month]]
    alone = [(line["direct_nanos"] // CENT + line["pool_nanos"] // CENT, line["earned_cents"]) for line in lines]
    assert any(floors != earned for floors, earned in alone)
    assert any(len(closed.of_lives(month, "art-b")) > 1 for month in closed.months)
    assert any(line["direct_nanos"] % CENT for line in lines)


@pytest.mark.parametrize("artist", ARTISTS)
def test_the_statement_prints_them(closed: Closed, artist: str) -> None:
    for month in closed.months:
        text = printed(closed, month, artist)
        direct, pool = closed.parts(month, artist)
        lives = [*amounts_after("Nuit ", text)]
        assert lives == [*closed.of_lives(month, artist).values()]
        assert sum(lives) == direct
        assert [*amounts_after("Votre part du pot commun", text)] == [pool]
        assert {*amounts_after("Gagné en", text)} == {direct + pool}
        whole = re.search(r"pot\s+commun\s+de\s+([\d\u202f]+,\d\d)", text)
        assert whole is not None
        assert euros(whole[1]) == closed.of_run(month)[1]


@pytest.mark.parametrize("artist", ARTISTS)
def test_the_page_shows_them(closed: Closed, artist: str) -> None:
    page = run_page("artist.earnings", viewer_of(closed.settings.home, role=Role.ARTIST, artist_id=artist))
    shown = {key: euros(text) for key, text in cells(page).items() if re.search("_cents$|^amount$", key[1])}
    for month in closed.months:
        direct, pool = closed.parts(month, artist)
        assert (shown[month, "direct_cents"], shown[month, "pool_cents"]) == (direct, pool)
        assert shown[month, "earned_cents"] == direct + pool
    for name in ("direct_cents", "pool_cents", "earned_cents"):
        assert shown["total", name] in {
            sum(shown[month, name] for month in closed.months),
            sum(closed.of_lives(closed.months[-1], artist).values()),
        }
    last = closed.of_lives(closed.months[-1], artist)
    assert {live: shown[live, "direct_cents"] for live in last} == last
    assert figures(page)
    assert f"{closed.of_run(closed.months[-1])[1] / 100:.2f}".replace(".", ",") in words(page)


@pytest.mark.parametrize("artist", ARTISTS)
def test_the_exports_have_them(closed: Closed, artist: str) -> None:
    viewer = viewer_of(closed.settings.home, role=Role.ARTIST, artist_id=artist)
    of_months = {row["settlement_month"]: row for row in exported("artist-months", viewer, artist=artist)}
    assert {month: [int(row["direct_cents"]), int(row["pool_cents"])] for month, row in of_months.items()} == {
        month: closed.parts(month, artist) for month in closed.months
    }
    of_lives = {
        (row["settlement_month"], row["live_id"]): int(row["direct_cents"])
        for row in exported("artist-lives", viewer, artist=artist)
    }
    assert of_lives == {
        (month, live): amount for month in closed.months for live, amount in closed.of_lives(month, artist).items()
    }


@pytest.mark.parametrize("artist", ARTISTS)
def test_the_terminal_explains_with_them(closed: Closed, artist: str, capsys: pytest.CaptureFixture[str]) -> None:
    for month in closed.months:
        assert explain_artist(closed.settings, month, artist, form="table", output=None)
        *of_subscribers, to_the_cent = tables(capsys.readouterr().out, filled="amount")
        steps = {row["step"]: cents(row["amount"]) for row in to_the_cent.rows}
        direct, pool = closed.parts(month, artist)
        assert (steps["direct"], steps["share of the pool"], steps["earned"]) == (direct, pool, direct + pool)
        for table in of_subscribers:
            assert sum(table.cents("amount")) == direct == cents(table.total["amount"])


def test_a_run_is_the_same_on_its_page_and_on_the_terminal(closed: Closed, capsys: pytest.CaptureFixture[str]) -> None:
    manager = viewer_of(closed.settings.home, role=Role.MANAGEMENT)
    of_page = {
        key: euros(text) for key, text in figures(run_page("management.payouts", manager)).items() if "cents" in key
    }
    last = closed.months[-1]
    assert [of_page["direct_cents"], of_page["pool_cents"]] == closed.of_run(last)
    rows = {row["settlement_month"]: row for row in exported("closed-months", manager)}
    show_control(closed.controls.values())
    (control,) = tables(capsys.readouterr().out)
    printed = {row[""]: row for row in control.rows}
    for month in closed.months:
        direct, pool = closed.of_run(month)
        assert (int(rows[month]["direct_cents"]), int(rows[month]["pool_cents"])) == (direct, pool)
        assert (cents(printed["direct"][month]), cents(printed["pool"][month])) == (direct, pool)
        assert cents(printed["envelopes: direct + pool"][month]) == direct + pool
        lines = exported("artist-payouts", manager, month=month)
        assert {row["artist_id"]: [int(row["direct_cents"]), int(row["pool_cents"])] for row in lines} == {
            row["artist_id"]: closed.parts(month, row["artist_id"]) for row in lines
        }


def test_the_lines_of_a_run_add_up_to_their_total(closed: Closed, capsys: pytest.CaptureFixture[str]) -> None:
    for month, control in closed.controls.items():
        show_lines(month, closed.lines[month])
        out = capsys.readouterr().out
        (lines,) = tables(out, filled="earned")
        assert max(map(len, out.splitlines())) <= 80
        for heading, name in {
            "earned": "earned_cents",
            "adjusted": "adjustment_cents",
            "brought": "brought_forward_cents",
            "paid": "paid_cents",
            "carried": "carried_forward_cents",
        }.items():
            assert lines.cents(heading) == [line[name] for line in closed.lines[month]]
            assert sum(lines.cents(heading)) == cents(lines.total[heading]) == control[name]
