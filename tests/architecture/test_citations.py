"""Every citation of the two reference pages exists, such as `RULES.md §5.4` or `INTERFACES.md, "Landing"`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RULES, INTERFACES = ROOT / "docs" / "rules.md", ROOT / "docs" / "interfaces.md"
FOLDERS = ("bench", "dashboards", "dbt_project", "docs", "ingestion", "orchestration", "payouts", "tests")
MADE_BY_TOOLS = {"node_modules", "target", "logs", "__pycache__"}
TEXTS = {".py", ".sql", ".yml", ".toml", ".md", ".sh", ".typ", ".csv", ".css", ".js"}

_SECTION = re.compile(r"^## (\d+)\. ", re.MULTILINE)
_ITEM = re.compile(r"^(\d+)\. ", re.MULTILINE)
_RULES_CITED = re.compile(r"RULES\.md,? (§[\d.]+(?:(?:\s*[-\u2013,]|\s+(?:to|and))\s*§[\d.]+)*)")
_INTERFACES_CITED = re.compile(r'INTERFACES\.md, "([^"]+)"')


def sections_of(rules: str) -> set[str]:
    """Every section of the rules and every numbered item in it: `5`, `5.4`."""
    _, *parts = _SECTION.split(rules)
    found = set()
    for number, text in zip(parts[::2], parts[1::2], strict=True):
        found |= {number, *(f"{number}.{item}" for item in _ITEM.findall(text))}
    return found


def headings_of(interfaces: str) -> set[str]:
    """The headings of the interfaces page, and the terms that it defines in quotes."""
    headings = re.findall(r"^#+ ([^\n]+)$", interfaces, re.MULTILINE)
    plain = {heading.replace("`", "").partition(":")[0].removesuffix(" (new)") for heading in headings}
    return plain | set(re.findall(r'"([^"]+)"', interfaces))


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the project with its path, without files of a data home and files made by tools."""
    for folder in (ROOT, *(ROOT / name for name in FOLDERS)):
        for path in sorted(folder.glob("*") if folder == ROOT else folder.rglob("*")):
            inside = path.relative_to(ROOT)
            if path.suffix in TEXTS and path.is_file() and MADE_BY_TOOLS.isdisjoint(inside.parts):
                yield inside.as_posix(), path.read_text(encoding="utf-8", errors="replace")


def cited_rules(text: str) -> set[str]:
    """The sections that a text cites; a range counts as its two ends."""
    return {section.rstrip(".") for cited in _RULES_CITED.findall(text) for section in re.findall(r"§([\d.]+)", cited)}


def test_every_cited_section_of_the_rules_exists() -> None:
    there = sections_of(RULES.read_text(encoding="utf-8"))
    wrong = {name: missing for name, text in texts() if (missing := cited_rules(text) - there)}
    assert not wrong


def test_every_cited_heading_of_the_interfaces_exists() -> None:
    there = headings_of(INTERFACES.read_text(encoding="utf-8"))
    wrong = {
        name: missing
        for name, text in texts()
        if name != "tests/architecture/test_citations.py" and (missing := {*_INTERFACES_CITED.findall(text)} - there)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("as RULES.md §5.4 says.", {"5.4"}),
        ("(RULES.md §5.1\u2013§5.3)", {"5.1", "5.3"}),
        ("RULES.md §3.4, §5 and §8:", {"3.4", "5", "8"}),
        ("RULES.md §3 to §6", {"3", "6"}),
        ("section 5 of something else", set()),
    ],
)
def test_citations_are_found(text: str, cited: set[str]) -> None:
    assert cited_rules(text) == cited


def test_sections_and_items_are_found() -> None:
    rules = "# Rules\n\n## 1. One\n\ntext\n\n## 2. Two\n\n1. first\n2. second\n"
    assert sections_of(rules) == {"1", "2", "2.1", "2.2"}
