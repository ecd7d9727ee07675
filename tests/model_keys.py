"""The keys of staging and intermediate models, `meta.key` in their yml: no two rows share one.

Marts have a data test of their key, which takes 40 ms in every run. These keys follow from a `group by` or a window in
the model's last step, so they are checked here, on the warehouses that the test suite builds.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from allive.orchestration.parsed_project import parsed_project
from tests.pipeline import Pipeline


def assert_keys_hold(pipeline: Pipeline) -> None:
    """No key occurs twice, and no column of a key is null unless `meta.nullable` names it."""
    checks = _checks(parsed_project(pipeline.settings).manifest_path)
    with pipeline.warehouse() as con:
        found = con.execute("\nunion all\n".join(checks)).fetchall()
    assert not found, "a key occurs more than once, or has a null"


@cache
def _checks(manifest_path: Path) -> tuple[str, ...]:
    nodes = json.loads(manifest_path.read_bytes())["nodes"]
    checks = tuple(check for node in nodes.values() for check in _checks_of(node))
    assert checks
    return checks


def _checks_of(node: Mapping[str, Any]) -> Iterator[str]:
    meta = node["config"].get("meta", {})
    if "key" in meta:
        nulls = [f"or bool_or({column} is null)" for column in meta["key"] if column not in meta.get("nullable", ())]
        yield (
            f"select '{node['name']}' as model, concat_ws(' ', {', '.join(meta['key'])}) as key, count(*) as rows "
            f"from {node['schema']}.{node['name']} group by {', '.join(meta['key'])} "
            f"having count(*) > 1 {' '.join(nulls)}"
        )
