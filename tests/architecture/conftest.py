"""The parsed dbt project, as the rules look at it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import parsed_project


@pytest.fixture(scope="session")
def manifest(parsed_home: Path) -> Mapping[str, Any]:
    return json.loads(parsed_project(Settings(home=parsed_home)).manifest_path.read_bytes())
