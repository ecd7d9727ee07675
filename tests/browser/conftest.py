"""The demo season, built once a session; a server for each worker; a browser for as long as this folder's tests run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from playwright.sync_api import Browser

from dashboards.access import Role
from tests.browser.chromium import BrowserMissingError, find_chromium, is_required, open_chromium
from tests.browser.server import Dashboards, served_home, serving
from tests.browser.visitor import Visitor, browser_options

ARTIST = "art-022"
_DEMO_DEADLINE_S = 1_800
_ROLES = {Role.ARTIST: (ARTIST,), Role.MANAGEMENT: (), Role.FINANCE: (), Role.OPERATOR: ()}

Enter = Callable[..., Visitor]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line name a demo season that is there already."""
    parser.addoption("--demo-home", help="a data home that `allive demo` made; by default one is made (a minute)")


@pytest.fixture(scope="session")
def _demo_home(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The demo season through the whole pipeline. Read only; made by whichever worker comes first."""
    try:
        find_chromium()
    except BrowserMissingError as missing:
        if is_required():
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    given = pytestconfig.getoption("--demo-home", None)
    if given:
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "demo"
    with FileLock(f"{home}.lock"):
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            made = subprocess.run(
                [sys.executable, "-m", "orchestration.cli", "demo"],
                env=os.environ | {"ALLIVE_HOME": str(home)},
                capture_output=True,
                text=True,
                check=False,
                timeout=_DEMO_DEADLINE_S,
            )
            assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
            (home / "made").touch()
    return home


@pytest.fixture(scope="session")
def demo_home(_demo_home: Path) -> Path:
    """The demo season; asking for it skips where there is no browser."""
    return _demo_home


@pytest.fixture(scope="session")
def dashboards(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboards]:
    """A server on the demo season. Tests leave its serving copy alone; those that swap it start their own."""
    home = served_home(demo_home, tmp_path_factory.mktemp("served") / "home")
    with serving(home) as running:
        yield running


@pytest.fixture(scope="package")
def chromium(demo_home: Path) -> Iterator[Browser]:
    """A browser, closed before other folders' tests run: Playwright keeps an event loop in the thread."""
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def window(chromium: Browser, dashboards: Dashboards) -> Iterator[Enter]:
    """Open windows of strangers; they close with the test, and nothing may have gone wrong in one."""
    with ExitStack() as stack:
        visitors = []

        def open_window(at: Dashboards = dashboards, **options: Any) -> Visitor:
            context = stack.enter_context(chromium.new_context(**browser_options(**options)))
            visitors.append(Visitor.enter(at, context))
            return visitors[-1]

        yield open_window
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


# Idle sessions end after half an hour; between two files of this folder there can be an hour of other tests.
@pytest.fixture(scope="module")
def _cookies() -> dict[Role, Any]:
    return {}


@pytest.fixture
def signed_in(window: Enter, dashboards: Dashboards, _cookies: dict[Role, Any]) -> Enter:
    """Open windows of somebody who has signed in (by invitation; once a role and file)."""

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
