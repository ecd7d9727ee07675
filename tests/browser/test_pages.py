"""Each role sees its pages and no others; downloads, the other language, a newer copy, and the page without a copy."""

import csv
import io

import pytest

from allive.dashboards.access import Role
from allive.dashboards.access.audit import Event
from allive.dashboards.access.store import open_store
from allive.dashboards.app_pages.artist.exports import MONTHS
from allive.dashboards.formatting import Language
from allive.dashboards.texts import Texts
from tests.access_store import audit_lines
from tests.browser.conftest import ARTIST
from tests.browser.server import served_home, serving
from tests.browser.visitor import ARTIST_PAGES, PLATFORM_PAGES

SHELL = Texts("shell", Language.FRENCH)
ENGLISH = Texts("shell", Language.ENGLISH)
FAILED = [SHELL(f"state.{name}_title") for name in ("error", "denied", "missing")]
OTHER = "art-002"
BOOKED = (
    "direct_nanos",
    "pool_nanos",
    "earned_nanos",
    "earned_cents",
    "adjustment_cents",
    "paid_cents",
    "carry_reason",
)
PAGES = {
    Role.ARTIST: ARTIST_PAGES,
    Role.MANAGEMENT: (*PLATFORM_PAGES, *ARTIST_PAGES),
    Role.FINANCE: PLATFORM_PAGES,
}
NEWER_COPY_WITHIN_S = 10


@pytest.mark.parametrize("role", PAGES)
def test_each_page_of_a_role_is_drawn(signed_in, role):
    visitor = signed_in(role)
    visitor.open()
    links = visitor.page.locator('[data-testid="stSidebarNavLink"]')
    # The line above each name is its icon, a ligature.
    names = [text.splitlines()[-1] for text in links.all_inner_texts()]
    assert names == [SHELL(f"page.{name}") for name in PAGES[role]]
    for position, name in enumerate(PAGES[role]):
        links.nth(position).click()
        visitor.page.locator("h1", has_text=SHELL(f"page.{name}")).wait_for()
        visitor.wait()
        text = visitor.text
        assert "Données au" in text, name
        assert not [failed for failed in FAILED if failed in text], name
        assert visitor.page.locator('[data-testid="stException"]').count() == 0, name


@pytest.mark.parametrize("role", PAGES)
def test_the_first_pages_own_address_leads_to_it(signed_in, role):
    visitor = signed_in(role)
    name = PAGES[role][0]
    visitor.open(name)
    assert visitor.page.locator("h1").all_inner_texts() == [SHELL(f"page.{name}")]
    # For an unknown address, Streamlit would show a dialog saying that there is no such page.
    assert visitor.page.locator('[role="dialog"]').count() == 0


@pytest.mark.parametrize("role", PAGES)
def test_other_roles_pages_are_not_there(signed_in, role):
    visitor = signed_in(role)
    for name in {*ARTIST_PAGES, *PLATFORM_PAGES} - {*PAGES[role]}:
        visitor.open(name)
        headings = visitor.page.locator("h1").all_inner_texts()
        assert SHELL(f"page.{name}") not in headings
    # Streamlit itself reports that there is no such page, and opens the first one.
    visitor.complaints = [text for text in visitor.complaints if "does not seem to exist" not in text]


def test_a_statement_and_an_export_are_handed_out(signed_in, demo_home):
    visitor = signed_in(Role.ARTIST)
    visitor.open("statements")
    with visitor.page.expect_download() as download:
        visitor.page.locator(f'a[href$="/2021-03/{ARTIST}.pdf"]').click()
    assert download.value.path().read_bytes() == (demo_home / f"payouts/2021-03/statements/{ARTIST}.pdf").read_bytes()

    with visitor.page.expect_download() as download:
        visitor.page.locator(f'a[href*="/files/exports/{MONTHS}.csv"]').click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = {row["settlement_month"]: row for row in csv.DictReader(io.StringIO(text))}
    for path in demo_home.glob("payouts/*/artist_payouts.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            (booked,) = [line for line in csv.DictReader(file) if line["artist_id"] == ARTIST]
        row = rows[booked["settlement_month"]]
        assert {name: row[name] for name in BOOKED} == {name: booked[name] for name in BOOKED}


def test_another_artists_files_are_not_handed_out(signed_in, dashboards):
    visitor = signed_in(Role.ARTIST)
    for path in (
        f"files/statements/2021-03/{OTHER}.pdf",
        f"files/exports/{MONTHS}.csv?artist={OTHER}",
        "files/exports/payouts.csv",
    ):
        response = visitor.page.context.request.get(f"{dashboards.url}/{path}")
        assert response.status == 404, path


def test_the_other_language_is_one_click_away_and_stays(signed_in):
    visitor = signed_in(Role.ARTIST)
    visitor.open()
    visitor.page.get_by_role("link", name="English").click()
    visitor.page.locator("h1", has_text=ENGLISH("page.earnings")).wait_for()
    visitor.wait()
    assert visitor.page.locator("html").get_attribute("lang") == "en"
    assert "Data as of" in visitor.text or "Data " in visitor.text
    assert "€" in visitor.text
    visitor.open("lives")
    assert visitor.page.locator("h1").inner_text() == ENGLISH("page.lives")
    visitor.page.get_by_role("link", name="Français").click()
    visitor.page.locator("h1", has_text=SHELL("page.lives")).wait_for()
    assert visitor.page.locator("html").get_attribute("lang") == "fr"


def test_a_look_as_an_artist_is_on_record(signed_in, dashboards):
    visitor = signed_in(Role.MANAGEMENT)
    visitor.open(f"earnings?artist={OTHER}")
    assert "Cette consultation est enregistrée." in visitor.text
    recorded = [line for line in audit_lines(open_store(dashboards.settings)) if line.event == Event.VIEWED_AS]
    assert OTHER in [line.details["artist_id"] for line in recorded]


@pytest.fixture
def own_dashboards(demo_home, tmp_path):
    """A server whose serving copy a test can swap or remove."""
    with serving(served_home(demo_home, tmp_path / "home")) as running:
        yield running


def test_a_newer_copy_is_shown_at_the_next_click_and_a_missing_one_has_its_page(window, own_dashboards):
    visitor = window(own_dashboards)
    visitor.accept(own_dashboards.invite("mina@example.org", Role.ARTIST, ARTIST))
    before = visitor.page.locator(".al-asof").first.inner_text()
    figures = visitor.figures()
    own_dashboards.publish_again()
    visitor.page.get_by_role("link", name=SHELL("page.lives")).click()
    visitor.page.locator("h1", has_text=SHELL("page.lives")).wait_for()
    visitor.page.get_by_role("link", name=SHELL("page.earnings")).click()
    visitor.page.locator("h1", has_text=SHELL("page.earnings")).wait_for()
    visitor.wait()
    assert visitor.page.locator(".al-asof").first.inner_text() != before
    assert visitor.figures() == figures

    (own_dashboards.settings.serving_dir / "current.duckdb").unlink()
    visitor.page.get_by_role("link", name=SHELL("page.lives")).click()
    visitor.page.locator("h1", has_text=SHELL("state.missing_title")).wait_for()
    assert "Traceback" not in visitor.text
