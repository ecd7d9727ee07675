"""How often the crash tests kill."""

import pytest

KILLS = 110
"""In all, and over again by `pytest tests/e2e --kills 1000`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line ask for more."""
    parser.addoption("--kills", type=int, default=KILLS, help="how often the crash tests kill, in all")


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> int:
    """How often to kill in all; each test takes its share."""
    return int(pytestconfig.getoption("--kills", KILLS))
