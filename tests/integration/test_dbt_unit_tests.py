"""The first build of a data home runs the unit tests of every model, and remembers that they passed."""

import json
from pathlib import Path

from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.warehouse import build_warehouse


def test_every_unit_test_of_the_models_passes(unit_tested_home: Path) -> None:
    settings = Settings(home=unit_tested_home)
    project = parsed_project(settings)
    expected = json.loads(project.manifest_path.read_bytes())["unit_tests"]
    results = json.loads(project.unit_tests_path.read_bytes())
    assert {result["unique_id"]: result["status"] for result in results} == dict.fromkeys(expected, "pass")
    assert len(expected) > 100


def test_a_build_with_the_same_project_remembers_them(unit_tested_home: Path) -> None:
    build = build_warehouse(Settings(home=unit_tested_home, pseudonym_key="tests"))
    assert not build.built
    remembered = [node for node in build.nodes if node.unique_id.startswith("unit_test.")]
    assert remembered
    assert all(node.is_remembered and node.holds for node in remembered)
