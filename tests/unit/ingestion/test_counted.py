"""Numbers of things in messages agree with their words."""

import doctest

import pytest

from allive.ingestion import counted as module
from allive.ingestion.counted import counted


def test_examples_hold() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 checks failed"), (1, "1 check failed"), (2, "2 checks failed"), (1000, "1,000 checks failed")],
)
def test_one_alone_is_singular(number: int, shown: str) -> None:
    assert counted(number, "check failed", "checks failed") == shown
