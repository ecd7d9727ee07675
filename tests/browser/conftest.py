"""The demo season, built once per session; a server per worker; a browser that runs for this folder's tests only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from allive.dashboards.access import Role
from tests.browser.chromium import BrowserMissingError, Chromium, find_chromium, is_required, open_chromium
from tests.browser.server import Dashboards, served_home, serving
from tests.browser.visitor import Visitor, browser_options
from tests.once import made_once

ARTIST = "art-022"
_DEMO_DEADLINE_S = 1_800
_TEST_DEADLINE_S = 600
"""Less than pytest's own deadline, which ends the whole worker process."""
_ROLES = {Role.ARTIST: (ARTIST,), Role.MANAGEMENT: (), Role.FINANCE: (), Role.OPERATOR: ()}

Enter = Callable[..., Visitor]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--demo-home`, for a demo season that already exists."""
    parser.addoption("--demo-home", help="a data home made by `allive demo`; by default one is made (takes a minute)")


@pytest.fixture(scope="session")
def _demo_home(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
    request: pytest.FixtureRequest,
) -> Path:
    """The demo season, run through the whole pipeline once per session. Read only."""
    try:
        find_chromium()
    except BrowserMissingError as missing:
        if is_required():
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    given = pytestconfig.getoption("--demo-home", None)
    if given:
        return Path(given)

    def make(home: Path) -> None:
        unit_tested = request.getfixturevalue("unit_tested_home")
        shutil.copytree(unit_tested / "warehouse" / "dbt", home / "warehouse" / "dbt")
        made = subprocess.run(
            [sys.executable, "-m", "allive.orchestration.cli", "demo"],
            env=os.environ | {"ALLIVE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEMO_DEADLINE_S,
        )
        assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]

    return made_once(tmp_path_factory, worker_id, "demo", make)


@pytest.fixture(scope="session")
def demo_home(_demo_home: Path) -> Path:
    """The demo season; without a browser, tests that use it are skipped (in CI, they fail)."""
    return _demo_home


@pytest.fixture(scope="session")
def dashboards(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboards]:
    """A server on the demo season. Tests must not change its serving copy; those that swap it start their own."""
    home = served_home(demo_home, tmp_path_factory.mktemp("served") / "home")
    with serving(home) as running:
        yield running


@pytest.fixture(scope="package")
def chromium(demo_home: Path) -> Iterator[Chromium]:
    """A browser, closed before other folders' tests run, because Playwright keeps an event loop in the thread."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def window(chromium: Chromium, dashboards: Dashboards) -> Iterator[Enter]:
    """A function that opens windows without a session. They close with the test, and errors in one fail it."""
    with chromium.deadline(_TEST_DEADLINE_S), ExitStack() as stack:
        visitors = []

        def open_window(at: Dashboards = dashboards, **options: Any) -> Visitor:
            context = stack.enter_context(chromium.new_context(**browser_options(**options)))
            visitors.append(Visitor.enter(at, context))
            return visitors[-1]

        yield open_window
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


# Idle sessions end after half an hour, and an hour of other tests can run between two files of this folder.
@pytest.fixture(scope="module")
def _cookies() -> dict[Role, Any]:
    return {}


@pytest.fixture
def signed_in(window: Enter, dashboards: Dashboards, _cookies: dict[Role, Any]) -> Enter:
    """A function that opens windows of a signed-in user. Each role accepts an invitation once per file."""

    def open_window(role: Role, **options: Any) -> Visitor:
        if role not in _cookies:
            guest = window()
            guest.accept(dashboards.invite(f"{role}@example.org", role, *_ROLES[role]))
            _cookies[role] = guest.page.context.cookies()
            guest.page.context.close()
        visitor = window(**options)
        visitor.page.context.add_cookies(_cookies[role])
        return visitor

    return open_window
