"""Dependencies point one way (ARCHITECTURE.md, "Allowed dependencies"), checked by parsing the sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "ingestion": {"ingestion"},
    "payouts": {"payouts", "ingestion"},
    "dashboards": {"dashboards", "payouts", "ingestion"},
    "orchestration": {"orchestration", "dashboards", "payouts", "ingestion"},
}
OWN = {*MAY_IMPORT, "tests", "bench"}
ONLY_IN_ORCHESTRATION = {"dagster", "dagster_dbt", "dbt", "typer", "rich"}


def imported_by(package: str) -> dict[str, set[str]]:
    """Top-level names imported by each module of a package, also inside functions."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        found[str(path.relative_to(ROOT))] = {name.split(".")[0] for name in names}
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may_know(package: str) -> None:
    modules = imported_by(package)
    assert modules, "the package has moved"
    wrong = {module: names & OWN - MAY_IMPORT[package] for module, names in modules.items()}
    assert not {module: names for module, names in wrong.items() if names}


@pytest.mark.parametrize("package", ["ingestion", "payouts", "dashboards"])
def test_what_computes_knows_no_scheduler_and_no_terminal(package: str) -> None:
    wrong = {module: names & ONLY_IN_ORCHESTRATION for module, names in imported_by(package).items()}
    assert not {module: names for module, names in wrong.items() if names}


def test_the_oracle_shares_nothing_with_the_product() -> None:
    wrong = {module: names & {*MAY_IMPORT, "duckdb"} for module, names in imported_by("tests/oracle").items()}
    assert not {module: names for module, names in wrong.items() if names}


def test_nothing_can_be_imported_from_the_dbt_project() -> None:
    # dbt imports root modules named dbt_* as plugins.
    assert not list((ROOT / "dbt_project").rglob("__init__.py"))
    assert not list(ROOT.glob("dbt_*.py"))


def test_the_entry_point_stays_thin() -> None:
    assert len((ROOT / "orchestration" / "definitions.py").read_text(encoding="utf-8").splitlines()) <= 40
