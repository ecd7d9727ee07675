"""The second implementation of the money rules shares no code with the first (docs/adr/0010)."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.import_graph import imports, names_in, reachable, second_level, statements

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "payouts" / name for name in ("verification", "closed_month", "user_centric")]
OWN = ("payouts.verification.", "payouts.closed_month.", "payouts.user_centric.")
PRODUCT = {"ingestion", "payouts", "orchestration", "dashboards", "duckdb", "dbt"}
SHARED = {
    "ingestion.home_format",
    "ingestion.pin_problems",
    "ingestion.pins_check",
    "ingestion.raw_tables",
    "ingestion.raw_versions",
    "ingestion.settings",
    "payouts.audit",
    "payouts.bank_details",
    "payouts.bank_file",
    "payouts.formats",
    "payouts.ledger",
    "payouts.months",
    "payouts.sepa_text",
    "payouts.standing",
    "payouts.statements",
}
"""Code that finds files, that writes and reads documents, and facts as records; none of it weighs, splits, sums or
rounds money."""
COMPUTES = {
    "payouts.balances",
    "payouts.bookings",
    "payouts.closing",
    "payouts.files",
    "payouts.preconditions",
    "payouts.look_back",
    "payouts.policy",
    "payouts.requests",
    "payouts.run",
    "payouts.settlement",
    "payouts.simulation",
    "payouts.withholdings",
}
"""The first implementation: what reads the settlement from the warehouse, decides amounts and closes months."""


def imported(path: Path) -> Iterator[str]:
    """Every module of the product that a module imports, also inside functions."""
    for module, name in statements(path.read_text(encoding="utf-8")):
        yield name if module is None or module in PRODUCT else module


def test_the_second_implementation_knows_nothing_of_the_first() -> None:
    found = {path.name: {*imported(path)} for folder in FOLDERS for path in folder.glob("*.py")}
    assert "ingestion.raw_versions" in found["from_heartbeats.py"] | found["watching.py"], "the modules have moved"
    wrong = {
        module: {name for name in names - SHARED if name.split(".")[0] in PRODUCT and not f"{name}.".startswith(OWN)}
        for module, names in found.items()
    }
    assert not {module: names for module, names in wrong.items() if names}


def test_the_second_implementation_reaches_nothing_that_computes() -> None:
    # Not even through what it shares: a module that it may import must not import the settlement either.
    graph = imports()
    start = {name for name in graph if f"{name}.".startswith(OWN)}
    assert graph.keys() >= COMPUTES, "the modules have moved"
    assert not {name for name in reachable(graph, start) if second_level(name) in COMPUTES}


def test_the_library_needs_the_standard_library_only() -> None:
    modules = [*(ROOT / "payouts" / "user_centric").glob("*.py")]
    assert modules, "the package has moved"
    for path in modules:
        names = names_in(path.read_text(encoding="utf-8"))
        others = {name for name in names if not name.startswith("payouts.user_centric")}
        assert {name.split(".")[0] for name in others} <= sys.stdlib_module_names, path.name


def test_explanation_and_simulation_do_not_use_verification_as_a_library() -> None:
    graph = imports()
    for folder in ("payouts.explanation", "payouts.simulation"):
        own = {name for name in graph if second_level(name) == folder}
        assert len(own) > 1, "the package has moved"
        imported_there = {target for name in own for target in graph[name]}
        assert not {target for target in imported_there if second_level(target) == "payouts.verification"}
