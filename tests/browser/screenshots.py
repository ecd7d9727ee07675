"""`make screenshots`: pictures of every page for people to look at, on desktop and phone, light and dark."""

import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page

from allive.dashboards.access import Role
from tests.browser.chromium import open_chromium
from tests.browser.server import served_home, serving
from tests.browser.visitor import ARTIST_PAGES, FINANCE_PAGES, FIRST_PAGE, PLATFORM_PAGES, Visitor, browser_options

_ROOT = Path(__file__).parent.parent.parent
_TALLEST = 12_000
_ARTIST = "art-022"
_PEOPLE = {
    "artist": (Role.ARTIST, ARTIST_PAGES),
    "manager": (Role.MANAGEMENT, tuple(page for page in PLATFORM_PAGES if page not in FINANCE_PAGES)),
    "finance": (Role.FINANCE, FINANCE_PAGES),
}


def main(
    *,
    home: Annotated[Path | None, typer.Option(help="A data home made by `allive demo`; by default `data/`.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for the pictures.")] = _ROOT / "build" / "screenshots",
    artist: Annotated[str, typer.Option(help="The artist whose pages are shown.")] = _ARTIST,
    only: Annotated[list[str] | None, typer.Option(help="Only this page; can be repeated.")] = None,
    language: Annotated[str, typer.Option(help="fr or en.")] = "fr",
) -> None:
    """Take a picture of every page."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        served = served_home(home or _made_home(), Path(folder) / "home")
        with serving(served) as dashboards, open_chromium() as browser:
            for person, (role, pages) in _PEOPLE.items():
                names = [name for name in pages if only is None or name in only]
                if not names:
                    continue
                context = browser.new_context(**browser_options())
                link = dashboards.invite(f"{person}@example.org", role, *([artist] if role is Role.ARTIST else []))
                Visitor.enter(dashboards, context).accept(link)
                cookies = context.cookies()
                context.close()
                for phone, dark in product((False, True), repeat=2):
                    context = browser.new_context(**browser_options(phone=phone, dark=dark))
                    context.add_cookies(cookies)
                    visitor = Visitor.enter(dashboards, context)
                    if language != "fr":
                        visitor.open(f"language/{language}")
                    for name in names:
                        visitor.open(name, first=FIRST_PAGE[role])
                        shown = "-".join([name, "phone" if phone else "desktop", "dark" if dark else "light"])
                        _take(visitor.page, out / f"{shown}.png")
                        print(out / f"{shown}.png")
                    context.close()


def _made_home() -> Path:
    home = _ROOT / "data"
    if not (home / "serving" / "current.duckdb").exists():
        subprocess.run([sys.executable, "-m", "allive.orchestration.cli", "demo"], check=True)
    return home


def _take(page: Page, path: Path) -> None:
    """Take the whole page: Streamlit scrolls inside it, so the window is made as tall as its content."""
    size = page.viewport_size
    assert size is not None
    height: int = page.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(max(height, size["height"]), _TALLEST)})
    page.wait_for_timeout(400)
    page.screenshot(path=path)
    page.set_viewport_size(size)


if __name__ == "__main__":
    typer.run(main)
