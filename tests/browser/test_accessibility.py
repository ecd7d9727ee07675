"""Every page of every role, light and dark, on desktop and phone: axe's rules, the language, the width."""

import pytest

from allive.dashboards.access import Role
from tests.browser.axe import violations
from tests.browser.visitor import ARTIST_PAGES, FINANCE_PAGES, FIRST_PAGE, PHONE, PLATFORM_PAGES

PAGES = {
    Role.ARTIST: ARTIST_PAGES,
    Role.MANAGEMENT: (*PLATFORM_PAGES, *ARTIST_PAGES),
    Role.FINANCE: FINANCE_PAGES,  # the others are management's
}
# Colours depend on the theme and layout on the width: each is covered here, all four pairs in a thorough session.
WINDOWS = pytest.mark.parametrize(
    ("phone", "dark"),
    [
        pytest.param(False, False, id="desktop-light"),
        pytest.param(True, True, id="phone-dark"),
        pytest.param(False, True, id="desktop-dark", marks=pytest.mark.thorough),
        pytest.param(True, False, id="phone-light", marks=pytest.mark.thorough),
    ],
)


@WINDOWS
@pytest.mark.parametrize("role", PAGES)
def test_nothing_serious_keeps_anybody_from_reading(signed_in, role, phone, dark):
    visitor = signed_in(role, phone=phone, dark=dark)
    wrong = []
    for name in PAGES[role]:
        visitor.open(name, first=FIRST_PAGE[role])
        found = violations(visitor.page)
        if visitor.page.locator("html").get_attribute("lang") != "fr":
            found.append("the page does not say that it is in French")
        wide = visitor.page.evaluate("() => document.scrollingElement.scrollWidth")
        if phone and wide > PHONE["width"]:
            found.append(f"{wide} pixels wide on a phone of {PHONE['width']}")
        wrong += [f"{name}: {line}" for line in found]
    assert not wrong, "\n".join(wrong)


@WINDOWS
def test_nothing_serious_keeps_anybody_from_coming_in(window, dashboards, phone, dark):
    visitor = window(phone=phone, dark=dark)
    for address in ("/sign-in", "/invitation/gone", dashboards.invite("ines@example.org", Role.FINANCE)):
        visitor.page.goto(address if address.startswith("http") else dashboards.url + address)
        assert violations(visitor.page) == []
        assert visitor.page.locator("html").get_attribute("lang") == "fr"
        assert (
            visitor.page.evaluate("() => document.scrollingElement.scrollWidth") <= visitor.page.viewport_size["width"]
        )


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_orders_to_close_are_as_readable(signed_in, dashboards, phone):
    visitor = signed_in(Role.OPERATOR, phone=phone)
    visitor.page.goto(f"{dashboards.url}/orders")
    assert violations(visitor.page) == []
    assert visitor.page.evaluate("() => document.scrollingElement.scrollWidth") <= visitor.page.viewport_size["width"]


def test_the_open_menu_of_a_phone_is_as_readable(signed_in):
    visitor = signed_in(Role.MANAGEMENT, phone=True)
    visitor.open()
    visitor.page.locator('[data-testid="stExpandSidebarButton"]').click()
    visitor.page.locator('[data-testid="stSidebarNav"]').wait_for()
    visitor.page.wait_for_timeout(400)
    assert violations(visitor.page) == []
