"""Chromium under Playwright, without background traffic: the distribution's or, if it has none, npm's."""

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
    "--no-sandbox",  # root has no sandbox; the pages are our own
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
    """No usable browser; the message says what to do."""


def find_chromium() -> Path:
    """Return the Chromium on PATH or, if none works, the one that `make browser` unpacked from npm.

    Raises:
        BrowserMissingError: Something that tests need is missing: the npm packages, a library of Playwright's driver
            (otherwise 41 tests would fail, each with its own traceback), or a working Chromium (Ubuntu's package
            does not work without its snap).
    """
    if not NODE_MODULES.exists():
        raise BrowserMissingError(f"Found no {NODE_MODULES}; expected the locked npm packages. Run `make browser`.")
    if said := _why_not(str(DRIVER)):
        raise BrowserMissingError(f"Playwright's driver does not start: {said}. Run `make browser`.")
    for path in (*map(shutil.which, NAMES), str(NPM_CHROMIUM)):
        if path and not _why_not(path):
            return Path(path)
    raise BrowserMissingError(
        f"Found no working {' or '.join(NAMES)} on PATH, nor npm's: no page was tested. Run `make browser`."
    )


def _why_not(program: str) -> str:
    """Return why a program cannot print its version; an empty string if it can."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=_ANSWERS_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if answer.returncode == 0 else answer.stderr.strip() or f"exit code {answer.returncode}"


def is_required() -> bool:
    """Whether a missing browser is a failure: true in CI."""
    return os.environ.get("CI") == "true"


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Run a browser until the end of the block."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
