"""Fixtures that cost something to make: the parsed dbt project, and small warehouses built once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from ingestion.settings import Settings
from tests.pipeline import PAYER, Pipeline, new_pipeline

TESTS = Path(__file__).parent
# Who pays, also in the processes that tests start: a month that pays somebody needs it to close.
os.environ.update({f"ALLIVE_PAYER_{name}": value for name, value in PAYER.items()})
GOLDEN = TESTS / "golden"
# A busy machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line ask for everything."""
    parser.addoption("--thorough", action="store_true", help="more random worlds, kills, races and corruptions")


# Long files first, so that no worker ends alone on one. The first of the browser's makes the demo season that the
# others wait for: by their turn it is there.
TURNS = ("browser/test_pages.py", "integration/", "e2e/", "browser/", "")


def _turn(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    return next(turn for turn, start in enumerate(TURNS) if path.startswith(start))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first, and leave out what only a thorough session runs."""
    items.sort(key=_turn)
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def parsed_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A data home whose dbt project is parsed and its unit tests have passed: other homes start from it.

    Made once a session, whichever of its worker processes comes first.
    """
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "parsed"
    with FileLock(f"{home}.lock"):
        if not Settings(home=home).warehouse_path.exists():
            new_pipeline(home, parsed=home).build()
    return home


@pytest.fixture
def make_pipeline(tmp_path: Path, parsed_home: Path) -> Callable[[str], Pipeline]:
    """Make empty data homes by name."""
    return lambda name: new_pipeline(tmp_path / name, parsed=parsed_home)


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    """An empty data home."""
    return make_pipeline("home")


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory, parsed_home: Path) -> Pipeline:
    """The golden season, loaded and built once. Read only."""
    pipeline = new_pipeline(tmp_path_factory.mktemp("golden"), parsed=parsed_home)
    shutil.copytree(GOLDEN / "landing", pipeline.landing, dirs_exist_ok=True)
    pipeline.run()
    return pipeline
