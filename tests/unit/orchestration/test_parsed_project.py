"""A manifest is looked up by the content it was parsed from, so that a stale one is never used."""

import os

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import content_hash, profile_environment


@pytest.fixture
def project(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.sql").write_text("select 1")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [("models/a.sql", "select 2"), ("models/b.sql", ""), ("seeds.csv", "x"), ("macros/m.sql", "{% macro m() %}")],
)
def test_any_change_of_a_file_is_another_content(project, name, text):
    before = content_hash(project)
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text)
    assert content_hash(project) != before


def test_a_renamed_file_is_another_content(project):
    before = content_hash(project)
    (project / "models" / "a.sql").rename(project / "models" / "b.sql")
    assert content_hash(project) != before


@pytest.mark.parametrize("name", ["target/manifest.json", "logs/dbt.log", ".user.yml"])
def test_what_dbt_leaves_behind_is_no_content(project, name):
    before = content_hash(project)
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("x")
    assert content_hash(project) == before


def test_the_environment_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLIVE_WAREHOUSE_MEMORY_LIMIT", "1GB")
    monkeypatch.delenv("ALLIVE_WAREHOUSE_PATH", raising=False)
    with profile_environment(Settings(home=tmp_path, memory_limit="2GB")):
        assert os.environ["ALLIVE_WAREHOUSE_MEMORY_LIMIT"] == "1700000000 bytes"  # 85 % of it
        assert os.environ["ALLIVE_WAREHOUSE_PATH"].startswith(str(tmp_path))
    assert os.environ["ALLIVE_WAREHOUSE_MEMORY_LIMIT"] == "1GB"
    assert "ALLIVE_WAREHOUSE_PATH" not in os.environ
