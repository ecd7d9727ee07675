"""Expensive fixtures, built once per session: the parsed dbt project, and small warehouses."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from allive.ingestion.settings import Settings
from allive.orchestration.parsed_project import parsed_project
from tests.once import made_once
from tests.pipeline import PAYER, Pipeline, new_pipeline

TESTS = Path(__file__).parent
# The payer, in the environment so that processes started by tests have it too. A month with payments cannot close
# without a payer.
os.environ.update({f"ALLIVE_PAYER_{name}": value for name, value in PAYER.items()})
GOLDEN = TESTS / "golden"
_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes its own folder there, which only its user can read
_ROOM_BYTES = 8 * 2**30
# Loads and closes sync their files: on a disk, tests would spend a third of their time waiting for it.
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)
# No deadlines: a slow machine must not fail a test.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--thorough`."""
    parser.addoption("--thorough", action="store_true", help="more random worlds, kills, races and corruptions")


# Long files run first, so that no worker is left with one at the end. The first browser file builds the demo season;
# the other browser files run later and find it ready.
TURNS = ("browser/test_pages.py", "integration/", "e2e/", "browser/", "")


def _turn(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    return next(turn for turn, start in enumerate(TURNS) if path.startswith(start))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort long test files first; deselect the tests marked `thorough`, unless `--thorough` is given."""
    items.sort(key=_turn)
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _log_files_of_one_test() -> Iterator[None]:
    """Remove the log files that commands in this process opened: they are in data homes that end with the test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before and isinstance(handler, logging.FileHandler):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.fixture(scope="session")
def parsed_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A data home whose dbt project is parsed and whose unit tests count as passed; other homes copy its dbt folder.

    The unit tests really run in `unit_tested_home`.
    """

    def parse(home: Path) -> None:
        parsed_project(Settings(home=home)).unit_tests_path.write_text("[]", encoding="utf-8")

    return made_once(tmp_path_factory, worker_id, "parsed", parse)


@pytest.fixture(scope="session")
def unit_tested_home(parsed_home: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A data home whose first build has run dbt's unit tests. Read only."""

    def build(home: Path) -> None:
        pipeline = new_pipeline(home, parsed=parsed_home)
        parsed_project(pipeline.settings).unit_tests_path.unlink()
        pipeline.build()

    return made_once(tmp_path_factory, worker_id, "unit-tested", build)


@pytest.fixture
def make_pipeline(tmp_path: Path, parsed_home: Path, request: pytest.FixtureRequest) -> Callable[[str], Pipeline]:
    """A function that makes an empty data home with a given name."""
    has_checks = request.node.get_closest_marker("figures") is None
    return lambda name: new_pipeline(tmp_path / name, parsed=parsed_home, has_checks=has_checks)


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
