"""The manifest adapted for dagster-dbt: every dbt test belongs to one model, unit tests included.

dagster-dbt drops unit tests, and singular tests that read several models. Here each is attached to one model, so that
both become asset checks. Can go when dagster-dbt attaches them by itself.
"""

from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]


def with_every_test(manifest: Manifest) -> Manifest:
    """Return the manifest with unit tests as tests, and each test attached to the last model it reads."""
    nodes = dict(manifest["nodes"])
    parent_map = dict(manifest["parent_map"])
    child_map = {parent: list(children) for parent, children in manifest["child_map"].items()}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "test" and not node.get("attached_node"):
            models = [parent for parent in node["depends_on"]["nodes"] if parent in nodes]
            if models:
                nodes[unique_id] = {**node, "attached_node": _most_downstream(models, parent_map)}
    for unit_test_id, unit_test in manifest.get("unit_tests", {}).items():
        model = _tested_model(unit_test)
        if model not in nodes:
            continue
        test_id = as_test_id(unit_test_id)
        nodes[test_id] = _as_test(unit_test, test_id=test_id, model=model)
        parent_map[test_id] = [model]
        child_map.setdefault(model, []).append(test_id)
    return {**manifest, "nodes": nodes, "parent_map": parent_map, "child_map": child_map}


def asset_of(properties: Mapping[str, Any]) -> tuple[str, str]:
    """Return the schema and table of a model, seed or source in the warehouse, which are its asset key."""
    table = properties.get("alias") or properties.get("identifier") or properties["name"]
    return properties["schema"], table


def check_of(manifest: Manifest, unique_id: str) -> tuple[str, str]:
    """Return the asset (`schema/table`) and the name of the asset check that dagster-dbt makes of a test.

    Args:
        manifest: The manifest `with_every_test`.
        unique_id: The test's id in dbt.
    """
    test = manifest["nodes"][as_test_id(unique_id)]
    parents = set(test["depends_on"]["nodes"])
    model = next(iter(parents)) if len(parents) == 1 else test["attached_node"]
    properties = manifest["nodes"].get(model) or manifest["sources"][model]
    return "/".join(asset_of(properties)), test["name"]


def as_test_id(unique_id: str) -> str:
    """Return the id of a test in Dagster.

    >>> as_test_id("unit_test.allive.fct_playbacks.stalled_player_earns_nothing")
    'test.allive.fct_playbacks.unit_test.stalled_player_earns_nothing'
    """
    if not unique_id.startswith("unit_test."):
        return unique_id
    model, name = unique_id.removeprefix("unit_test.").rsplit(".", 1)
    return f"test.{model}.unit_test.{name}"


def _tested_model(unit_test: Mapping[str, Any]) -> str:
    # A unit test depends only on the model it tests; its inputs are given.
    return str(unit_test["depends_on"]["nodes"][0])


def _as_test(unit_test: Mapping[str, Any], *, test_id: str, model: str) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "unique_id": test_id,
        "name": f"unit_test_{unit_test['name']}",
        "fqn": unit_test["fqn"],
        "package_name": unit_test["package_name"],
        "path": unit_test["path"],
        "original_file_path": unit_test["original_file_path"],
        "depends_on": {"nodes": [model], "macros": []},
        "attached_node": model,
        "config": {"severity": "error", "enabled": True, "tags": [], "meta": {}},
        "meta": {"description": unit_test.get("description") or ""},
        "tags": [],
    }


def _most_downstream(models: list[str], parent_map: Mapping[str, list[str]]) -> str:
    """Return the model that has the most of the others upstream; ties go to the first by id."""

    def upstream(model: str, seen: set[str]) -> set[str]:
        for parent in parent_map.get(model, []):
            if parent not in seen:
                seen.add(parent)
                upstream(parent, seen)
        return seen

    others = set(models)
    return min(models, key=lambda model: (-len(upstream(model, set()) & others), model))
