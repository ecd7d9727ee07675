"""Chromium under Playwright, without background traffic: the distribution's or, if it has none, npm's."""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import playwright
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright
from playwright.sync_api import Error as PlaywrightError

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


class Chromium:
    """A running browser. If it dies, or is killed because a call hung, the next context starts another one."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._executable = find_chromium()
        # Chromium ignores the switch, which identifies this browser's process.
        self._mark = f"--allive-browser={uuid.uuid4().hex}"
        self._browser: Browser | None = None

    def new_context(self, **options: Any) -> BrowserContext:
        """Open a context, in a new browser if the last one is gone."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._executable, args=[*_ARGUMENTS, self._mark]
            )
        return self._browser.new_context(**options)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Kill the browser if the block takes longer: the call that hangs in it then fails.

        Playwright's own timeouts cover navigation and locators, but no `evaluate`, `new_context` or `close`.
        """
        timer = Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        """Kill the browser's process; its children end with it. Safe in any thread."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        """End the browser, by force if it does not end itself."""
        if self._browser is not None:
            with self.deadline(_ANSWERS_WITHIN_S), suppress(PlaywrightError):
                self._browser.close()

    def _processes(self) -> Iterator[int]:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if self._mark.encode() in path.read_bytes().split(b"\0"):
                    yield int(path.parent.name)


@contextmanager
def open_chromium() -> Iterator[Chromium]:
    """Run a browser until the end of the block."""
    with sync_playwright() as playwright:
        browser = Chromium(playwright)
        try:
            yield browser
        finally:
            browser.close()
