"""docs/where-each-rule-lives.md names files, definitions and mutants that exist, and one home for each rule."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.import_graph import PACKAGES
from tests.mutants.table import MUTANTS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "where-each-rule-lives.md"
LINK: Final = re.compile(r"\[`?([^`\]]+)`?\]\(([^)]+)\)")
MUST_BE_THERE: Final = {
    "Gap cap",
    "Paris day",
    "Largest remainder",
    "Pool membership",
    "Look-back",
    "IBAN waiting time",
}
ZONE: Final = "Europe/Paris"
CHECKS: Final = ("payouts/verification/", "ingestion/expectations/")
"""Their own statement of the rules is what they check with."""


def rows() -> Iterator[list[str]]:
    """The cells of each rule's row."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0].strip("| ") != "Rule":
            yield [cell.strip("| ") for cell in cells]


ROWS: Final = {cells[0]: cells for cells in rows()}


def names_in_python(source: str) -> set[str]:
    """Top-level functions, classes and constants, methods as `Class.method`, and named checks of a suite."""
    found: set[str] = set()
    tree = ast.parse(source)
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name, body=body):
                found |= {name, *(f"{name}.{method.name}" for method in body if isinstance(method, ast.FunctionDef))}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    return found | {call.args[0].value for call in calls if is_text(call.args[0])}  # type: ignore[attr-defined]


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_defined(name: str, path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".py":
            return name in names_in_python(text)
        case ".sql":
            return name == path.stem or re.search(rf"\{{% macro {re.escape(name)}\(", text) is not None
        case ".yml":
            return re.search(rf"^ *{re.escape(name)}:", text, re.MULTILINE) is not None
    return False


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_rules_that_people_ask_for_are_there() -> None:
    assert {rule for rule in MUST_BE_THERE if not any(name.startswith(rule) for name in ROWS)} == set()


def test_every_link_of_the_page_leads_somewhere() -> None:
    for _, target in LINK.findall(PAGE.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        path = PAGE.parent / file
        assert path.is_file(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


VERIFICATION = (
    "payouts/verification/",
    "payouts/closed_month/",
    "payouts/user_centric/",
    "ingestion/expectations/",
)


@pytest.mark.parametrize("rule", ROWS)
def test_a_rule_has_one_home_and_two_other_statements(rule: str) -> None:
    _, section, home, verification, oracle, _ = ROWS[rule]
    assert re.fullmatch(r"\[§[\d.]+\]\(rules\.md#[\w-]+\)", section)
    assert len(LINK.findall(home)) == 1
    for cell, folders in (
        (home, ("dbt_project/", "ingestion/", "payouts/")),
        (verification, VERIFICATION),
        (oracle, ("tests/oracle/",)),
    ):
        links = LINK.findall(cell)
        assert links
        for name, target in links:
            path = (PAGE.parent / target).resolve()
            assert path.relative_to(ROOT).as_posix().startswith(folders), target
            assert is_defined(name, path), f"{target} does not define {name}"


@pytest.mark.parametrize("rule", ROWS)
def test_the_mutants_of_a_rule_exist(rule: str) -> None:
    named = re.findall(r"`(\w+)`", ROWS[rule][-1])
    assert named
    assert {*named} <= {mutant.name for mutant in MUTANTS}


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/index.md"])
def test_the_page_is_found_from(page: str) -> None:
    assert PAGE.stem in (ROOT / page).read_text(encoding="utf-8")


def test_the_zone_of_a_day_is_named_in_one_module() -> None:
    # The demo season writes what other people's systems would deliver.
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(without_docstrings(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ZONE in node.value
    }
    product = {path for path in found if not path.startswith((*CHECKS, "ingestion/demo/"))}
    assert product == {"ingestion/paris_days.py"}
    models = [path for path in (ROOT / "dbt_project").rglob("*.sql") if "target" not in path.parts]
    assert len(models) > 50, "the models have moved"
    assert not {path.name for path in models if ZONE in path.read_text(encoding="utf-8")}


def test_the_gap_cap_is_a_number_in_one_file() -> None:
    pattern = re.compile(r"\b30_?000\b")
    sql = [path for path in (ROOT / "dbt_project").rglob("*.sql") if "target" not in path.parts]
    python = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (*sql, *python, ROOT / "dbt_project" / "dbt_project.yml")
        if pattern.search(path.read_text(encoding="utf-8"))
    }
    allowed = (*CHECKS, "ingestion/demo/")
    assert {path for path in found if not path.startswith(allowed)} == {"dbt_project/dbt_project.yml"}


def without_docstrings(path: Path) -> ast.AST:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                docstring.value = ""
    return tree


def test_what_is_missing_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("LIMIT = 1\n\nclass A:\n    def b(self): ...\n", encoding="utf-8")
    macro = tmp_path / "macro.sql"
    macro.write_text("{% macro counts(live) -%}\n", encoding="utf-8")
    assert is_defined("A.b", module)
    assert is_defined("LIMIT", module)
    assert not is_defined("A.c", module)
    assert is_defined("counts", macro)
    assert not is_defined("count", macro)
