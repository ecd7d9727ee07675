"""DuckDB's half of the test: loads and builds that a separate process does one after another, alongside Spark."""

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from allive.ingestion.demo.season import write_season
from allive.ingestion.settings import PROJECT_ROOT, Settings
from allive.orchestration import warehouse
from allive.orchestration.parsed_project import parsed_project
from tests.spark import engines
from tests.worlds.world import Size, World

GOLDEN = PROJECT_ROOT / "tests" / "golden" / "landing"
DELIVERIES = 10
INCREMENTAL = ("+int_playback_days",)


@contextmanager
def process_beside() -> Iterator[ProcessPoolExecutor]:
    """Start the process; on leaving, work that it has not begun is cancelled."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"), initializer=_have_a_main_file) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _have_a_main_file() -> None:
    """Give the main module a file: PySpark takes a process without one for its doctests, and ends it silently."""
    vars(sys.modules["__main__"])["__file__"] = __file__


class DuckdbHalf:
    """DuckDB's part of the whole test, in the order in which it is needed. `of_demo` selects the demo's models."""

    def __init__(
        self, pool: ProcessPoolExecutor, session: Settings, folder: Path, *, of_demo: tuple[str, ...] = ()
    ) -> None:
        self._pool = pool
        self._session = session
        self._golden_home = folder / "golden-duckdb"
        demo_home = folder / "demo-duckdb"
        self.parsed: Future[None] = pool.submit(parse, session, "duckdb")
        self.golden_loaded: Future[Settings] = pool.submit(load_golden, session, self._golden_home)
        self.golden_built: Future[Settings] = pool.submit(build_whole, session, self._golden_home)
        self.history: Future[Settings] = pool.submit(live_through_history, session, folder / "history-duckdb")
        self.demo_loaded: Future[Settings] = pool.submit(load_demo, session, demo_home)
        self.demo_built: Future[Settings] = pool.submit(build_models, session, demo_home, of_demo)

    def build_golden_again(self) -> Future[Settings]:
        """Build the golden season once more."""
        return self._pool.submit(build_whole, self._session, self._golden_home)


def parse(session: Settings, engine: str) -> None:
    """Parse the project for an engine; its unit tests run in `make test`."""
    project = parsed_project(session, engine=engine)
    if engine == "duckdb":
        warehouse.remember_unit_tests(project, ())


def at(session: Settings, home: Path, engine: str = "duckdb") -> Settings:
    """Another data home with the same settings and the parsed project."""
    given = session.model_dump(include=session.model_fields_set) | {"home": home, "engine": engine}
    other = Settings(**given)
    parsed, known = (settings.warehouse_path.parent / "dbt" for settings in (session, other))
    shutil.copytree(parsed, known, ignore=shutil.ignore_patterns(".parsing-*"), dirs_exist_ok=True)
    return other


def load_golden(session: Settings, home: Path) -> Settings:
    """Land the golden season in a new home and load it."""
    settings = at(session, home)
    shutil.copytree(GOLDEN, settings.landing_dir)
    engines.load(settings)
    return settings


def load_demo(session: Settings, home: Path) -> Settings:
    """Write the demo season into a new home and load it."""
    settings = at(session, home)
    write_season(settings.landing_dir)
    engines.load(settings)
    return settings


def build_whole(session: Settings, home: Path) -> Settings:
    """Build all models and run all data tests."""
    settings = at(session, home)
    built_whole(settings)
    return settings


def build_models(session: Settings, home: Path, select: tuple[str, ...]) -> Settings:
    """Build the models: all, or the selected ones."""
    settings = at(session, home)
    engines.build_on_duckdb(settings, select=select)
    return settings


def live_through_history(session: Settings, home: Path) -> Settings:
    """Deliver a random world in random order, and update the incremental models at each delivery.

    The raw tables after each delivery are kept in `after_delivery`.
    """
    settings = at(session, home)
    world = World.random(310, size=Size(playbacks=30))
    for number, _ in enumerate(world.deliver(settings.landing_dir, batches=DELIVERIES)):
        engines.load(settings)
        shutil.copytree(settings.raw_dir, after_delivery(home, number))
        engines.build_on_duckdb(settings, select=INCREMENTAL)
    return settings


def after_delivery(home: Path, number: int) -> Path:
    """The folder with the history's raw tables after a delivery."""
    return home / "deliveries" / str(number)


def built_whole(settings: Settings) -> None:
    """Build all models and run all data tests, which must pass."""
    build = warehouse.build_warehouse(settings)
    assert not build.broken, "\n".join(f"{node.unique_id}: {node.message}" for node in build.broken)
