"""A user at a browser, who signs in, opens pages and reads the figures on them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from playwright.sync_api import BrowserContext, Page, Response
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from allive.dashboards.access import Role
from tests.browser.server import PASSWORD, Dashboards

ARTIST_PAGES = ("earnings", "lives", "audience", "statements")
PLATFORM_PAGES = ("overview", "subscribers", "emerging", "catalogue", "payouts", "payments", "data")
FINANCE_PAGES = ("payouts", "payments")
"""Those of the platform that show finance more than management."""
FIRST_PAGE = {Role.ARTIST: "earnings"} | dict.fromkeys((Role.MANAGEMENT, Role.FINANCE, Role.OPERATOR), "overview")
"""The page that each role sees first: it has the bare address."""
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 60_000

_APP = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
# Chromium logs these for each answer that is not a 2xx, and for pages that were left while they loaded.
_HARMLESS = re.compile(r"Failed to load resource|ERR_ABORTED|net::ERR_NETWORK_CHANGED")
_ATTEMPTS = 3
# Streamlit shows a skeleton until an element's code has loaded; a chart gets its canvas last.
_IS_DRAWN = """
    () => [...document.querySelectorAll('[data-testid="stSkeleton"], [data-testid="stVegaLiteChart"]')]
        .every(part => !part.checkVisibility() || part.querySelector('canvas, svg'))
"""
_CELLS = """
    () => [...document.querySelectorAll('tr[data-row]')].map(row => Object.fromEntries([
        ['row', row.dataset.row],
        ...[...row.querySelectorAll('[data-column]')].map(cell => [cell.dataset.column, cell.textContent]),
    ]))
"""


@dataclass
class Visitor:
    """One browser context, and the errors in it."""

    dashboards: Dashboards
    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def enter(cls, dashboards: Dashboards, context: BrowserContext) -> "Visitor":
        """Open a window."""
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        visitor = cls(dashboards, page)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on("console", lambda message: visitor.note_console(message.type, message.text))
        return visitor

    def note_console(self, kind: str, text: str) -> None:
        """Record a console error, unless it is harmless."""
        if kind == "error" and not _HARMLESS.search(text):
            self.complaints.append(text)

    def accept(self, link: str) -> None:
        """Use an invitation: choose the password and enter."""
        self.page.goto(link)
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#again").fill(PASSWORD)
        self.page.locator("button[type=submit]").click()
        self.wait()

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in the sign-in page."""
        self.page.goto(f"{self.dashboards.url}/sign-in")
        self.page.locator("#email").fill(email)
        self.page.locator("#password").fill(password)
        self.page.locator("button[type=submit]").click()

    def open(self, path: str = "", *, first: str = "") -> Response | None:
        """Open a page by its address and wait until it is drawn; a role's first page has the bare address."""
        path = "" if path == first else path
        response = self.page.goto(f"{self.dashboards.url}/{path}")
        self.wait()
        return response

    def wait(self) -> None:
        """Wait until the page is drawn: there is a heading, the script has run, and every element is in place."""
        # Wait for a heading of the app: before its first run, the app is connected and idle already. The page before
        # has a heading too, but outside the app.
        self.page.locator('[data-testid="stApp"] h1').first.wait_for()
        assert self.page.locator('[data-testid="stException"]').count() == 0, self.text
        # A requested rerun shows as running only after a moment.
        for _ in range(2):
            self.page.locator(_APP).wait_for(state="attached")
            self.page.wait_for_timeout(60)
        self.page.wait_for_function(_IS_DRAWN)

    def view_as(self, name: str) -> None:
        """Choose an artist, and wait until that artist's page is drawn."""
        box = self.page.locator('[data-testid="stMain"] [data-testid="stSelectbox"] input').first
        option = self.page.locator('[role="option"]', has_text=re.compile(f"^{re.escape(name)}$"))
        for attempt in range(_ATTEMPTS):
            # Text typed before the previous page has finished is lost.
            box.click()
            box.fill(name)
            try:
                option.click(timeout=PATIENCE_MS / _ATTEMPTS)
                break
            except PlaywrightTimeoutError:
                if attempt == _ATTEMPTS - 1:
                    raise
        self.page.get_by_text(f"Vous voyez les pages de {name}.").wait_for()
        self.wait()

    @property
    def text(self) -> str:
        """All text on the page."""
        return self.page.locator("body").inner_text()

    def figures(self) -> dict[str, str]:
        """Return the cards' values by their keys."""
        found: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('[data-figure]')]"
            ".map(card => [card.dataset.figure, card.querySelector('.al-value').textContent]))"
        )
        return found

    def cells(self) -> list[Mapping[str, str]]:
        """Return every named row of every table: `row`, and the cells by their columns."""
        found: list[Mapping[str, str]] = self.page.evaluate(_CELLS)
        return found


def cents(text: str) -> int:
    """Return the cents of an amount in French notation.

    >>> cents("1\u202f234,56\u202f€"), cents("\u22120,05\u202f€"), cents("+1,50\u202f€")
    (123456, -5, 150)
    """
    match = re.fullmatch(r"([+\u2212]?)(\d{1,3}(?:\u202f\d{3})*,\d\d)\u202f€", text.strip())
    assert match, f"found {text!r}, expected an amount in French notation"
    number = Decimal(match[2].replace("\u202f", "").replace(",", "."))
    return int(number * 100) * (-1 if match[1] == "\u2212" else 1)


def whole(text: str) -> int:
    """Return a count in French notation.

    >>> whole("1\u202f234")
    1234
    """
    assert re.fullmatch(r"\d{1,3}(?:\u202f\d{3})*", text.strip()), f"found {text!r}, expected a count"
    return int(text.strip().replace("\u202f", ""))


def browser_options(*, phone: bool = False, dark: bool = False, language: str = "fr-FR") -> dict[str, Any]:
    """Return the options of a browser context: phone or desktop, light or dark."""
    return {
        "viewport": PHONE if phone else DESKTOP,
        "device_scale_factor": 2 if phone else 1,
        "is_mobile": phone,
        "has_touch": phone,
        "color_scheme": "dark" if dark else "light",
        "locale": language,
        "timezone_id": "Europe/Paris",
        "reduced_motion": "reduce",
    }
