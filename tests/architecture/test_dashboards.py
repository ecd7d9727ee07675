"""Rules of the dashboards: SQL in one place, a principal for every query, and no source but the serving copy."""

import ast
import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import allive.dashboards.queries
from allive.dashboards.access import Principal
from tests.import_graph import names_in

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "dashboards").rglob("*.py"))
# Not allowed in a page: Streamlit's download links work without a cookie, and its caches ignore the principal.
FORBIDDEN = {"download_button", "cache_data", "experimental_user"}


def modules_of(package: object) -> list[str]:
    return [module.name for module in walk_packages(package.__path__, f"{package.__name__}.")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", modules_of(allive.dashboards.queries))
def test_every_query_takes_who_asks_first(name: str) -> None:
    module = import_module(name)
    public = {
        name: function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    }
    for function_name, function in public.items():
        first = next(iter(inspect.signature(function).parameters.values()), None)
        assert first is not None, f"{function_name} can be called without a principal"
        assert first.name == "principal"
        assert first.annotation is Principal, f"{function_name} can be called without a principal"
        assert first.default is inspect.Parameter.empty


def test_sql_stands_in_queries_alone() -> None:
    found = []
    for path in PAGES:
        relative = path.relative_to(ROOT / "dashboards")
        if relative.parts[0] in {"queries", "access"} or relative.name == "serving.py":
            continue
        strings = (
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        found += [
            f"{relative}: {text[:60]}" for text in strings if text.lower().lstrip().startswith(("select ", "with "))
        ]
    assert not found


def test_pages_open_no_database_and_no_file() -> None:
    wrong = {}
    for path in PAGES:
        names = {name.split(".")[0] for name in names_in(path.read_text(encoding="utf-8"))}
        if path.name != "serving.py" and names & {"duckdb", "deltalake", "polars"}:
            wrong[str(path)] = names
    assert not wrong


def test_what_leaks_is_not_used() -> None:
    used = {
        f"{path.name}: {node.attr}"
        for path in PAGES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN
    }
    assert not used
