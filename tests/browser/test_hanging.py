"""A call that never returns fails its test only: the browser is killed, and the next test gets another one."""

import pytest
from playwright.sync_api import Error as PlaywrightError

from tests.browser.chromium import Chromium


def test_a_browser_that_hangs_is_killed_and_replaced(chromium: Chromium) -> None:
    page = chromium.new_context().new_page()
    with chromium.deadline(2), pytest.raises(PlaywrightError, match="closed"):
        page.evaluate("() => new Promise(() => {})")
    assert chromium.new_context().new_page().evaluate("1 + 1") == 2
