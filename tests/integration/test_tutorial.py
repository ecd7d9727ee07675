"""The tutorial is read from its page and run: each command succeeds and prints what the page shows."""

import csv
import re
import shutil
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from allive.ingestion.settings import Settings
from allive.orchestration import cli
from allive.payouts.ledger import month_dir

# Dagster 1.13 still asks pydantic for `__fields__`.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/tutorial.md"
LEFT_OUT: Final = ("invite", "dashboards")
"""Commands that serve or need a person."""


def blocks() -> list[tuple[str, str]]:
    """The page's code blocks, by language."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def allive(*arguments: str) -> str:
    """Run a command; the words it printed."""
    result = CliRunner().invoke(cli.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_tutorial_ends_as_it_says(parsed_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "first-month"
    shutil.copytree(parsed_home, home)
    shutil.copytree(ROOT / "data/sample/landing", home / "landing", dirs_exist_ok=True)
    shutil.copy(ROOT / "data/sample/allive.env", home / "allive.env")
    for name, value in {
        "ALLIVE_HOME": home,
        "DAGSTER_HOME": home / "dagster",
        "ALLIVE_PSEUDONYM_KEY": "tests",
    }.items():
        monkeypatch.setenv(name, str(value))

    printed, code, run = "", "", []
    for language, text in blocks():
        if language == "text":
            assert words(text) in words(printed)
        for line in text.splitlines() if language == "console" else ():
            program, *arguments = line.split()
            if program != "allive" or arguments[0] in LEFT_OUT:
                continue
            printed = allive(*(code if argument == "CODE" else argument for argument in arguments))
            run.append(arguments[0])
            code = "".join(re.findall(r"--acknowledge ([0-9a-f]{8})", printed)) or code
    assert run == ["run", "rejects", "payout", "payout", "verify", "explain"]

    row_shown = r"^\| (art-\S+) \| ([\d.]+) EUR \| ([\d.]+) EUR \| ([\d.]+) EUR \|"
    shown = re.findall(row_shown, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    with (month_dir(Settings(home=home), "2026-02") / "artist_payouts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    paid = [
        (
            row["artist_id"],
            *(f"{int(row[name]) / 100:.2f}" for name in ("earned_cents", "paid_cents", "carried_forward_cents")),
        )
        for row in rows
    ]
    assert shown == paid
