"""How often the tests of chance kill, corrupt and race: enough to notice by default, thrice that when asked."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Chances:
    """How often each kind of misfortune strikes."""

    kills: int
    corruptions: int
    races: int


USUAL = Chances(kills=36, corruptions=100, races=16)
THOROUGH = Chances(kills=110, corruptions=300, races=50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line ask for more."""
    parser.addoption("--kills", type=int, help="how often the crash tests kill, in all")


@pytest.fixture(scope="session")
def chances(pytestconfig: pytest.Config) -> Chances:
    """How often each kind of misfortune strikes in this session."""
    return THOROUGH if pytestconfig.getoption("--thorough") else USUAL


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config, chances: Chances) -> int:
    """How often to kill in all; each test takes its share."""
    return int(pytestconfig.getoption("--kills", None) or chances.kills)
