"""The distribution's Chromium under Playwright, kept from calling anywhere by itself."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NODE_MODULES = Path(__file__).parent / "node_modules"
NAMES = ("chromium", "chromium-browser")
_ARGUMENTS = [
    "--no-sandbox",  # root has none; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]


class BrowserMissingError(RuntimeError):
    """There is nothing to test with; says what to do."""


def find_chromium() -> Path:
    """Return the Chromium on PATH.

    Raises:
        BrowserMissingError: None is there that works (Ubuntu's package without its snap does not), or no axe.
    """
    if not NODE_MODULES.exists():
        raise BrowserMissingError(f"Found no {NODE_MODULES}; expected the locked npm packages. Run `make browser`.")
    for name in NAMES:
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return Path(path)
    raise BrowserMissingError(f"Found no working {' or '.join(NAMES)} on PATH: no page was looked at. Install one.")


def is_required() -> bool:
    """Whether a missing browser is a failure: on the machine that decides what lands."""
    return os.environ.get("CI") == "true"


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start a browser for as long as the block takes."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
