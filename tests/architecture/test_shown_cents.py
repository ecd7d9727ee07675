"""Nanos become cents in few places: where a run is rounded, where it is proven, and in the one module that shows them.

A division anywhere else would show an amount a cent apart from the same amount on another page (RULES.md §5.6).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.import_graph import PACKAGES

ROOT: Final = Path(__file__).parents[2]
HOME: Final = "payouts/shown_cents.py"
ROUNDS: Final = {
    "payouts/run.py": "control totals of a close, whose envelopes are whole cents",
    "payouts/simulation/arithmetic.py": "§5.5 under other policies",
    "payouts/explanation/explaining.py": "§5.5 again, to show its working",
    "payouts/user_centric/division.py": "§5.5, the second statement",
    "payouts/closed_month/slices.py": "an envelope is whole cents",
}
"""Where nanos are divided besides, and for which reason: what is booked there, not shown."""
ROUNDS_IN_SQL: Final = {"fct_artist_months.sql", "largest_remainder.sql"}
NANOS_PER_CENT: Final = 10_000_000
DIVISIONS: Final = (ast.Div, ast.FloorDiv, ast.Mod)
SQL_DIVISION: Final = re.compile(
    r"""nanos\b[\w"')\]\s]*?(//?|%)\s*[\w({]   # amount_nanos / 10
    |\b(round|floor|trunc)\s*\([^()]*nanos     # round(amount_nanos
    |\b10_?000_?000\b                          # the number itself
    |nanos_per_cent""",
    re.VERBOSE | re.IGNORECASE,
)


def divisions(tree: ast.AST) -> Iterator[int]:
    """The lines that divide or round nanos: named so, or by the number of nanos in a cent."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=left, op=op, right=right) if isinstance(op, DIVISIONS):
                operands = [left, right]
            case ast.Call(func=ast.Name(id="divmod" | "round" | "Decimal" | "Fraction"), args=operands):
                pass
            case _:
                continue
        if any(is_nanos(operand) for operand in operands):
            yield node.lineno


def is_nanos(operand: ast.expr) -> bool:
    """Whether an operand is an amount in nanos, or the number of nanos in a cent."""
    for node in ast.walk(operand):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                if "nanos" in name.lower():
                    return True
            case ast.Constant(value=int(number)) if number == NANOS_PER_CENT:
                return True
    return False


def python() -> Iterator[tuple[str, ast.AST]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_nanos_are_divided_where_it_is_said_and_nowhere_else() -> None:
    found = {path for path, tree in python() if any(divisions(tree))}
    assert HOME in found, "the module has moved"
    checks = {path for path in found if path.startswith(("payouts/verification/", "payouts/expectations/"))}
    assert found - checks - {HOME} == {*ROUNDS}, "call payouts/shown_cents.py"


def test_queries_and_models_divide_no_nanos() -> None:
    models = [path for path in (ROOT / "dbt_project").rglob("*.sql") if "target" not in path.parts]
    assert len(models) > 50, "the models have moved"
    wrong = {
        path.name
        for path in models
        if "tests" not in path.parts and SQL_DIVISION.search(without_comments(path.read_text(encoding="utf-8")))
    }
    # Envelopes become nanos there, by a multiplication.
    assert wrong - {"int_periods_settled.sql"} <= ROUNDS_IN_SQL
    for package in ("dashboards", "orchestration"):
        sources = [*(ROOT / package).rglob("*.py"), *(ROOT / package).rglob("*.sql")]
        texts = {path: path.read_text(encoding="utf-8") for path in sources}
        assert not {path.name for path, text in texts.items() if re.search(r"\b10_?000_?000\b|nanos_per_cent", text)}


def without_comments(sql: str) -> str:
    return re.sub(r"--.*|\{#.*?#\}", "", sql, flags=re.DOTALL if "{#" in sql and "--" not in sql else 0)


def test_commands_leave_the_currency_of_an_amount_to_one_function() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in python()
        if path.startswith(("orchestration/", "payouts/shown_cents"))
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        and any(isinstance(part, ast.Constant) and re.match(r" (EUR|€)\b", str(part.value)) for part in node.values)
    ]
    assert [place.split(":")[0] for place in found] == ["payouts/shown_cents.py"]


@pytest.mark.parametrize(
    "source",
    [
        "nanos // 10",
        "row['direct_nanos'] // people",
        "line.earned_nanos / 1e7",
        "amount // 10_000_000",
        "Decimal(int(nanos)) / 7",
        "divmod(pool_nanos, 7)",
        "round(pool_nanos)",
        "(nanos + 5) // NANOS_PER_CENT",
    ],
)
def test_a_division_is_noticed(source: str) -> None:
    assert [*divisions(ast.parse(source))]


@pytest.mark.parametrize("source", ["nanos + 1", "cents // 100", "cents * NANOS_PER_CENT", "10_000_000 * cents"])
def test_other_arithmetic_is_none(source: str) -> None:
    assert not [*divisions(ast.parse(source))]


@pytest.mark.parametrize(
    "sql", ["amount_nanos // 10", "sum(amount_nanos) / 7", "round(amount_nanos, 2)", "x / 10000000", "x // 10_000_000"]
)
def test_a_division_in_sql_is_noticed(sql: str) -> None:
    assert SQL_DIVISION.search(sql)
