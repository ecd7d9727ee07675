"""Cleans up after pages that run in this process (`AppTest`), so that they do not affect later tests."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Restore `__main__`: Streamlit puts the page's script there, and a process spawned later would run it again."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
