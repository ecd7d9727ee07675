"""A model that does not fit into memory spills to disk, and the models after it are built."""

import shutil
from pathlib import Path

from allive.ingestion.settings import DBT_PROJECT_DIR, Settings
from allive.orchestration.dbt_invocation import invoke_dbt
from allive.orchestration.parsed_project import parsed_project

PROJECT = """
name: allive
version: "1.0.0"
profile: allive
models: {allive: {+materialized: table}}
"""
SPILLS = "select i, hash(i) as h from range(8_000_000) as numbers (i) order by h"
AFTER = "select count(*) as numbers from {{ ref('spills') }}"


def test_models_are_built_after_one_that_spilled(tmp_path: Path) -> None:
    project_dir = tmp_path / "project"
    (project_dir / "models").mkdir(parents=True)
    (project_dir / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    (project_dir / "models" / "spills.sql").write_text(SPILLS, encoding="utf-8")
    (project_dir / "models" / "after.sql").write_text(AFTER, encoding="utf-8")
    shutil.copy(DBT_PROJECT_DIR / "profiles.yml", project_dir)
    settings = Settings(home=tmp_path / "home", memory_limit="120MB", threads=2)
    settings.temp_dir.mkdir(parents=True)

    project = parsed_project(settings, project_dir=project_dir)
    nodes = invoke_dbt(settings, project, project_dir, ["run"])

    assert {node.unique_id: node.message for node in nodes if not node.holds} == {}
    assert len(nodes) == 2
