"""Prose avoids the words that made it hard to read (CONTRIBUTING.md, "Write plainly").

Prose is what people read: docstrings, comments, messages, Markdown, descriptions in yml, the English page texts. Code,
names, SQL and quotations in backticks are not.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
REFUSED: Final = {
    "tell, told": r"\b(tell|tells|told|telling)\b",
    "mend": r"\bmend(s|ed|ing)?\b",
    "anew": r"\banew\b",
    "wholly": r"\bwholly\b",
    "whoever": r"\b(whoever|whomever|whence|thereby|thereof|hereby)\b",
    "give way": r"\b(gives?|gave|giving) way\b",
    "known by": r"\bknown by\b",
    "lie, of files and data": r"\b(lies|lying) (in|at|beside|within|between|where|under|there|on)\b",
    "(s)": r"\w\(s\)",
    "one X a Y, for per": (
        r"\b(one|an?|each) (?!(?:in|of|into|for|makes?|is|to|per|skip|with|an?)\b)\w+ an? "
        r"(month|day|artist|period|file|table|row|line|record|type|run|batch|playback|subscriber|live|session|device)\b"
    ),
    "a clause that opens with What": r"(?:^|[.:;!?] )What (?!if\b|[^.!?:]*\?)",
}
"""Refused words and patterns, by the name that a finding shows."""
VERBATIM: Final = ("docs/rules.md", "docs/interfaces.md", "tests/golden/", "tests/fixtures/", "LICENSE")
"""Kept word for word, or delivered as they are."""
DATA: Final[dict[str, tuple[str, ...]]] = {}
"""Texts that are data, by file: they are written into closed months or compared by code, so they stay."""
PRODUCT: Final = ("ingestion", "payouts", "orchestration", "dashboards")
FEWEST_WORDS: Final = 4
"""A string of so many words in product code is a message."""


def tracked(*endings: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    paths = [path for path in listed.stdout.split("\0") if path.endswith(endings)]
    return [path for path in paths if not path.startswith(VERBATIM) and (ROOT / path).exists()]


def python_prose(path: str) -> Iterator[tuple[int, str]]:
    source = (ROOT / path).read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#: ")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, without_examples(node.value.value)
        elif isinstance(node, ast.Constant) and path.startswith(PRODUCT) and is_message(node.value):
            yield node.lineno, node.value


def without_examples(docstring: str) -> str:
    """Leave out doctests: they are code."""
    return re.sub(r"^\s*(>>>|\.\.\.).*\n(?:(?!\s*$|\s*>>>).+\n?)*", "\n", docstring, flags=re.MULTILINE)


def is_message(value: object) -> bool:
    """True for a string of several words that is not SQL."""
    sql = r"\s*(select|with|insert|update|delete|create|drop|alter|copy|attach|set|pragma)\b"
    return isinstance(value, str) and len(value.split()) >= FEWEST_WORDS and not re.match(sql, value)


def markdown_prose(path: str) -> Iterator[tuple[int, str]]:
    is_code = False
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, line


def commented_prose(path: str) -> Iterator[tuple[int, str]]:
    """SQL and yml: their comments, and the descriptions of yml."""
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        mark = "--" if path.endswith(".sql") else "#"
        _, found, comment = line.partition(f"{mark} ")
        if found:
            yield number, comment
        elif "description:" in line:
            yield number, line.partition("description:")[2].strip(" '\">|-")


def text_prose(path: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        yield number, line.partition("=")[2].strip(' "') or line


READERS: Final = (
    ((".py",), python_prose),
    ((".md",), markdown_prose),
    ((".sql", ".yml", ".yaml"), commented_prose),
    ((".toml",), text_prose),
)


def prose() -> Iterator[tuple[str, int, str]]:
    for endings, read in READERS:
        for path in tracked(*endings):
            if path.endswith(".toml") and "/locales/fr/" in path:
                continue
            for line, text in read(path):
                yield path, line, re.sub(r"`[^`]*`|\"[^\"\n]{1,60}\"", "`quoted`", " ".join(text.split()))


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, int, str]]:
    return list(prose())


@pytest.mark.parametrize("name", REFUSED)
def test_no_prose_has_a_refused_word(texts: list[tuple[str, int, str]], name: str) -> None:
    pattern = re.compile(REFUSED[name], re.IGNORECASE if not name.endswith("What") else 0)
    found = [
        f"{path}:{line}: {text[max(0, match.start() - 40) : match.end() + 40]}"
        for path, line, text in texts
        if path != "tests/architecture/test_prose.py"
        for match in [pattern.search(text)]
        if match and not any(kept in text for kept in DATA.get(path, ()))
    ]
    assert not found, f"{len(found)} texts use '{name}':\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tell, told", "a reject is told with its reason"),
        ("mend", "Mend what is named here"),
        ("one X a Y, for per", "One row a month and artist"),
        ("one X a Y, for per", "a file a day"),
        ("(s)", "3 thing(s) are wrong"),
        ("a clause that opens with What", "What of a record type is in the raw layer"),
        ("a clause that opens with What", "It is read once. What is new is loaded"),
        ("lie, of files and data", "the file as it lies there"),
    ],
)
def test_the_refused_words_are_found(name: str, text: str) -> None:
    assert re.search(REFUSED[name], text, re.IGNORECASE if not name.endswith("What") else 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a clause that opens with What", "What would you like to close?"),
        ("one X a Y, for per", "one row per month"),
        ("one X a Y, for per", "the last one of a playback"),
    ],
)
def test_plain_words_are_not_refused(name: str, text: str) -> None:
    assert not re.search(REFUSED[name], text, re.IGNORECASE if not name.endswith("What") else 0)
