"""Quoted SQL means the text it was made of, and is quoted in one place."""

import ast
import doctest
from pathlib import Path

import duckdb
import pytest

from allive.ingestion import sql_text as module
from allive.ingestion.sql_text import spark_text, sql_name, sql_text, sql_value

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [
    "",
    "l'été",
    "''",
    "it's '; drop table t; --",
    'say "hello"',
    "back\\slash",
    "ends in \\",
    "\\' both",
    "two\nlines\r\n",
    "\ttab",
    "é \u2028 \U0001f3b8",
]


def test_examples_hold() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("text", TEXTS)
def test_a_quoted_text_is_that_text(text: str) -> None:
    assert duckdb.sql(f"select {sql_text(text)}").fetchone() == (text,)


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_a_quoted_name_is_that_name(text: str) -> None:
    assert duckdb.sql(f"select 1 as {sql_name(text)}").columns == [text]


@pytest.mark.parametrize("value", [None, True, False, 0, -5, 10**18, "it's", "true"])
def test_a_quoted_value_is_that_value(value: str | int | None) -> None:
    row = duckdb.sql(f"select {sql_value(value)}").fetchone()
    assert row == (value,)
    assert row is not None
    assert type(row[0]) is type(value)


def test_a_path_with_a_quote_is_found(tmp_path: Path) -> None:
    path = tmp_path / 'l\'artiste \\ "x".parquet'
    duckdb.sql(f"copy (select 7 as n) to {sql_text(path)} (format parquet)")
    assert path.exists()
    assert duckdb.sql(f"select n from read_parquet({sql_text(path)})").fetchone() == (7,)


@pytest.mark.parametrize(
    ("text", "literal"),
    [("plain", "'plain'"), ("l'été", "'l\\'été'"), ("a\\b", "'a\\\\b'"), ("\\'", "'\\\\\\''"), ("a\nb", "'a\nb'")],
)
def test_a_text_for_spark_escapes_backslashes_first(text: str, literal: str) -> None:
    assert spark_text(text) == literal


def test_no_other_module_doubles_quotes() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("ingestion", "payouts", "orchestration", "dashboards", "bench")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "sql_text.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and is_quoting(node)
    ]
    assert not found


def is_quoting(node: ast.Call) -> bool:
    """True for a call such as `text.replace("'", "''")`."""
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr == "replace"
        and [ast.unparse(argument) for argument in node.args]
        in [[repr(quote), repr(twice)] for quote, twice in (("'", "''"), ('"', '""'), ("'", "\\'"))]
    )
