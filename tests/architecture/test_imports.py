"""Dependencies point one way (ARCHITECTURE.md, "Allowed dependencies"), checked by parsing the sources."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.import_graph import (
    PACKAGES,
    Drawing,
    circles,
    drawings,
    imported,
    imports,
    modules,
    names_in,
    rooms_of,
    second_level,
)

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "ingestion": {"ingestion"},
    "payouts": {"payouts", "ingestion"},
    "dashboards": {"dashboards", "payouts", "ingestion"},
    "orchestration": {"orchestration", "dashboards", "payouts", "ingestion"},
}
OWN = {*MAY_IMPORT, "tests", "bench"}
ONLY_IN_ORCHESTRATION = {"dagster", "dagster_dbt", "dbt", "typer", "rich"}
_PACKAGE = f"(?:{'|'.join(PACKAGES)})"
_WITHOUT_NAMESPACE = re.compile(rf"\s*(?:from|import) {_PACKAGE}\b|.*\bimport_module\(f?[\"']{_PACKAGE}\.")
DRAWN = drawings((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def imported_by(package: str) -> dict[str, set[str]]:
    """Top-level names imported by each module of a package, also inside functions."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        names = names_in(path.read_text(encoding="utf-8"))
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


def test_the_namespace_links_to_every_package() -> None:
    links = {path.name: path for path in (ROOT / "allive").iterdir() if path.is_symlink()}
    assert links.keys() == {*PACKAGES, "dbt_project"}
    assert all(path.readlink() == Path("..") / name for name, path in links.items())


def test_nothing_of_the_product_is_imported_without_its_namespace() -> None:
    # A module with two names is two modules: each with its own state and its own classes.
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in (*PACKAGES, "tests", "bench", "docs")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if _WITHOUT_NAMESPACE.match(line)
    ]
    assert not found


def test_the_entry_point_stays_thin() -> None:
    assert len((ROOT / "orchestration" / "definitions.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_no_module_imports_itself_through_others() -> None:
    assert not circles(imports())


def test_no_folder_imports_itself_through_others() -> None:
    graph = imports()
    assert not circles(rooms_of(graph, {name: second_level(name) for name in graph}))


def test_no_drawn_room_imports_itself_through_others() -> None:
    assert not {name: found for name, drawing in DRAWN.items() if (found := circles(drawing.edges))}


def test_the_packages_are_drawn_as_they_import() -> None:
    graph = imports()
    assert without_leaves(DRAWN["packages"].edges) == without_leaves(
        rooms_of(graph, {name: name.split(".")[0] for name in graph})
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_in_one_drawn_room(package: str) -> None:
    entries = Counter(entry for own in DRAWN[package].rooms.values() for entry in own)
    inside = {
        f"{path.name}/" if path.is_dir() else path.stem
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert {*entries} == inside
    assert max(entries.values()) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_the_rooms_of_a_package_are_drawn_as_they_import(package: str) -> None:
    drawing = DRAWN[package]
    assert without_leaves(drawing.edges) == without_leaves(rooms_of(imports(), drawing.room_of(modules())))


def test_pages_read_no_money_but_through_the_serving_copy() -> None:
    room_of = DRAWN["dashboards"].room_of(modules())
    # Splitting shown cents reads nothing: it is arithmetic on what a query returned.
    readers = {
        room_of[name]
        for name, targets in imports().items()
        if name in room_of and names_payouts(targets - {"payouts.shown_cents"})
    }
    assert readers == {"gate"}


def test_who_is_signed_in_is_below_the_gate_and_the_pages() -> None:
    of_access = {name: targets for name, targets in imports().items() if name.startswith("dashboards.access")}
    assert of_access, "the package has moved"
    used = {second_level(target) for targets in of_access.values() for target in targets}
    assert used == {"dashboards.access", "ingestion.settings"}


def test_imports_are_found_wherever_they_stand() -> None:
    source = (
        "import typing\nimport allive.payouts.run\nfrom allive.payouts import preconditions, nothing\n"
        "if typing.TYPE_CHECKING:\n    from allive.payouts.audit import Entry\n"
        "def f():\n    from allive.payouts.closed_month import books\n"
    )
    known = {"payouts", "payouts.run", "payouts.preconditions", "payouts.audit", "payouts.closed_month.books"}
    assert {*imported(source, known)} == known


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"b", "c"}


def test_a_drawing_is_read() -> None:
    drawing = Drawing('%% payouts\nflowchart TD\n    a["a: x, y/"]\n    b["b: z"]\n    a --> b & c\n')
    assert drawing.room_of(["payouts.x", "payouts.y.deep", "payouts.z", "payouts.w"]) == {
        "payouts.x": "a",
        "payouts.y.deep": "a",
        "payouts.z": "b",
    }
    assert drawing.edges == {"a": {"b", "c"}}


def without_leaves(rooms: dict[str, set[str]]) -> dict[str, set[str]]:
    return {room: targets for room, targets in rooms.items() if targets}


def names_payouts(targets: set[str]) -> bool:
    return any(target.split(".")[0] == "payouts" for target in targets)
