"""How many kills, corruptions and races the randomised tests do; `--thorough` does about four times as many."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Chances:
    """How many kills, corruptions and races to do."""

    kills: int
    corruptions: int
    races: int


USUAL = Chances(kills=24, corruptions=100, races=10)
THOROUGH = Chances(kills=110, corruptions=300, races=50)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--kills`."""
    parser.addoption("--kills", type=int, help="total number of kills in the crash tests")


@pytest.fixture(scope="session")
def chances(pytestconfig: pytest.Config) -> Chances:
    """How many kills, corruptions and races this session does."""
    return THOROUGH if pytestconfig.getoption("--thorough") else USUAL


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config, chances: Chances) -> int:
    """The total number of kills; each test does its share."""
    return int(pytestconfig.getoption("--kills", None) or chances.kills)
