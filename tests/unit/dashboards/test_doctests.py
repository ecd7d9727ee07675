"""The docstring examples of pure functions are correct."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["app_pages.artist.opening", "formatting", "small_groups", "texts"])
def test_examples_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"allive.dashboards.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
