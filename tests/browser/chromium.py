"""A Chromium under Playwright, kept from calling out: the distribution's or, where it has none, npm's."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import playwright
from playwright.sync_api import Browser, sync_playwright

NODE_MODULES = Path(__file__).parent / "node_modules"
NAMES = ("chromium", "chromium-browser")
NPM_CHROMIUM = NODE_MODULES / ".chromium" / "chromium-with-libraries"
DRIVER = Path(playwright.__file__).parent / "driver" / "node"
_ANSWERS_WITHIN_S = 60
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
    """Return the Chromium on PATH or, where none works, the one that `make browser` unpacked from npm.

    Raises:
        BrowserMissingError: Something is missing that a test needs: the npm packages, a library of Playwright's
            driver (41 tests would fail, each with a traceback of its own), or a Chromium that works (Ubuntu's package
            without its snap does not).
    """
    if not NODE_MODULES.exists():
        raise BrowserMissingError(f"Found no {NODE_MODULES}; expected the locked npm packages. Run `make browser`.")
    if said := _why_not(str(DRIVER)):
        raise BrowserMissingError(f"Playwright's driver does not start: {said}. Run `make browser`.")
    for path in (*map(shutil.which, NAMES), str(NPM_CHROMIUM)):
        if path and not _why_not(path):
            return Path(path)
    raise BrowserMissingError(
        f"Found no {' or '.join(NAMES)} on PATH that works, nor npm's: no page was looked at. Run `make browser`."
    )


def _why_not(program: str) -> str:
    """Return what keeps a program from giving its version; nothing where it gives it."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=_ANSWERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"exit code {answer.returncode}"


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
