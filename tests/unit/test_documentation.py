"""The documentation describes what exists: generated pages are current, and every command that a page shows is real."""

import re
import runpy
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from allive.ingestion.settings import Settings
from allive.orchestration.cli import app

ROOT: Final = Path(__file__).parents[2]
# Not the decisions, which name what was replaced, nor the two pages that are kept word for word.
PAGES: Final = [
    *sorted(path for path in ROOT.glob("*.md")),
    *sorted(
        path
        for path in (ROOT / "docs").rglob("*.md")
        if path.name not in {"interfaces.md", "rules.md"} and path.parent.name != "adr"
    ),
    ROOT / "data/README.md",
]
REFERENCE: Final = runpy.run_path(str(ROOT / "docs/reference.py"))["PAGES"]
OPTION: Final = re.compile(r"--[a-z][a-z-]*")


@pytest.mark.parametrize("name", REFERENCE)
def test_a_generated_page_is_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == REFERENCE[name](), "refresh it: make reference"


def shown_commands(page: Path, program: str) -> Iterator[tuple[int, list[str]]]:
    """Commands in a page's code blocks and in backticks, split into words; comments and placeholders left out."""
    is_code = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
            continue
        texts = [line] if is_code else re.findall(r"`([^`]+)`", line)
        for text in texts:
            match = re.match(rf"(?:\$ |[A-Z_]+=\S+ |\.venv/bin/)*{program} (.*)", text.strip())
            if match:
                try:
                    yield number, shlex.split(match[1].replace("…", ""), comments=True)
                except ValueError:
                    yield number, match[1].split()


def command_of(words: list[str]) -> Any:
    """The command that words begin with; None if there is none."""
    command: Any = typer.main.get_command(app)
    for word in words:
        names = getattr(command, "commands", None)
        if names is None:
            return command
        if not re.fullmatch(r"[a-z-]+(\|[a-z-]+)*", word) or word.startswith("-"):
            return command
        named = word.split("|")
        if not all(name in names for name in named):
            return None
        command = names[named[0]]
    return command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_shows_commands_that_exist(page: Path) -> None:
    for number, words in shown_commands(page, "allive"):
        command = command_of(words)
        assert command is not None, f"{page.name}:{number}: there is no `allive {' '.join(words)}`"
        if command.name in {"dbt", "mf"}:
            continue  # the rest is dbt's and MetricFlow's
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        known |= {"--help", "--version", "--install-completion", "--show-completion"}
        for option in OPTION.findall(" ".join(word for word in words if word.startswith("--"))):
            assert option in known, f"{page.name}:{number}: `allive {' '.join(words)}` has no option {option}"


def test_the_pages_show_commands_at_all() -> None:
    assert sum(len(list(shown_commands(page, "allive"))) for page in PAGES) > 100


@pytest.mark.parametrize("words", [["frobnicate"], ["payments", "list-all"], ["rejects", "list|burn"]], ids=" ".join)
def test_a_command_that_does_not_exist_is_noticed(words: list[str]) -> None:
    assert command_of(words) is None


def test_the_pages_name_targets_of_the_makefile_that_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        for number, words in shown_commands(page, "make"):
            named = [word for word in words if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
            assert set(named[:1]) <= targets, f"{page.name}:{number}: make {' '.join(words)}"


def test_each_environment_variable_of_the_pages_is_a_setting() -> None:
    profiles = (ROOT / "dbt_project/profiles.yml").read_text(encoding="utf-8")
    known = {f"ALLIVE_{name.upper()}" for name in Settings.model_fields} | set(re.findall(r"ALLIVE_\w+", profiles))
    for page in PAGES:
        for name in set(re.findall(r"\bALLIVE_[A-Z][A-Z_]*[A-Z]\b(?!_?\*)", page.read_text(encoding="utf-8"))):
            assert name in known, f"{page.name} names {name}"


def test_documentation_is_tracked() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert {page.relative_to(ROOT).as_posix() for page in PAGES} <= set(listed)
