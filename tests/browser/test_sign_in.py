"""Signing in and out in a real browser: invitation, password, an OpenID provider, sign-out, a revoked grant."""

import re
import subprocess
import sys

import pytest

from allive.dashboards.access import Role
from allive.dashboards.access.grants import list_grants
from allive.dashboards.access.store import open_store
from tests.access_store import revoke_grant
from tests.browser.conftest import ARTIST
from tests.browser.server import free_port, provider, served_home, serving

CLIENT = {"client_id": "allive", "client_secret": "known to two"}
WITHIN_S = 10


def test_an_invitation_lets_one_person_in_once(window, dashboards):
    printed = subprocess.run(
        [sys.executable, "-m", "allive.orchestration.cli", "invite", "mina@example.org", "--artist", ARTIST],
        env={"ALLIVE_HOME": str(dashboards.settings.home), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    path = re.search(r"/invitation/\S+", printed)[0]
    guest = window()
    guest.page.goto(dashboards.url + path)
    guest.page.reload()  # viewing it does not use it up, nor does a mail program's preview
    guest.accept(dashboards.url + path)
    assert guest.page.locator("h1").inner_text() == "Mes revenus"

    late = window()
    late.page.goto(dashboards.url + path)
    assert "plus valable" in late.text
    assert late.page.locator("#password").count() == 0


def test_a_password_lets_its_owner_in(window, dashboards):
    first = window()
    first.accept(dashboards.invite("paul@example.org", Role.ARTIST, ARTIST))

    guest = window()
    guest.page.goto(f"{dashboards.url}/lives")
    assert "/sign-in" in guest.page.url
    guest.sign_in("paul@example.org", "a wrong one, and long enough")
    assert guest.page.locator("[role=alert]").is_visible()
    guest.sign_in("paul@example.org")
    guest.wait()
    assert guest.page.locator("h1").inner_text() == "Mes revenus"


def test_a_stranger_sees_the_sign_in_page_and_nothing_else(window, dashboards):
    guest = window()
    for path in ("", "earnings", "overview", f"files/statements/2021-03/{ARTIST}.pdf", "_stcore/health"):
        guest.page.goto(f"{dashboards.url}/{path}")
        assert "stApp" not in guest.page.content()
        assert "€" not in guest.text


def test_signing_out_ends_the_page_and_its_connection_everywhere(window, dashboards):
    guest = window()
    guest.accept(dashboards.invite("line@example.org", Role.ARTIST, ARTIST))
    other = guest.page.context.new_page()
    closed = []
    other.on("websocket", lambda socket: socket.on("close", lambda _: closed.append(socket.url)))
    other.goto(dashboards.url)
    other.locator("[data-figure]").first.wait_for()

    guest.page.get_by_role("link", name="Se déconnecter").click()
    guest.page.locator("button[type=submit]").click()
    guest.page.wait_for_url("**/sign-in?signed_out=1")
    guest.page.go_back()
    guest.page.wait_for_timeout(500)
    assert "€" not in guest.text
    guest.page.goto(f"{dashboards.url}/earnings")
    assert "/sign-in" in guest.page.url
    # The other window of the same session was open the whole time.
    until(lambda: closed, other)
    assert any("/_stcore/stream" in url for url in closed)


def test_a_revoked_grant_shows_nothing_more_and_says_so(window, dashboards):
    guest = window()
    guest.accept(dashboards.invite("omar@example.org", Role.ARTIST, ARTIST))
    assert guest.figures()
    store = open_store(dashboards.settings)
    (omar,) = [grant.principal for grant in list_grants(store) if grant.principal.name == "omar@example.org"]
    revoke_grant(store, issuer=omar.issuer, subject=omar.subject, by="tests")
    guest.page.get_by_role("link", name="Mes lives").click()
    until(lambda: "€" not in guest.text and not guest.figures(), guest.page)
    guest.page.goto(dashboards.url)
    assert "€" not in guest.text
    assert "Aucun accès" in guest.text or "Connexion" in guest.text
    # The gate also refuses scripts that the page had not loaded yet.
    guest.complaints = [text for text in guest.complaints if "dynamically imported module" not in text]


@pytest.fixture(scope="module")
def federated(demo_home, tmp_path_factory):
    """Dashboards with a configured OpenID Connect provider."""
    home = served_home(demo_home, tmp_path_factory.mktemp("federated") / "home")
    port = free_port()
    with provider(f"http://127.0.0.1:{port}/oidc/callback", **CLIENT) as issuer:
        settings = {f"ALLIVE_OIDC_{name.upper()}": value for name, value in CLIENT.items()}
        with serving(home, port=port, ALLIVE_OIDC_ISSUER=issuer, ALLIVE_OIDC_LABEL="Scène", **settings) as running:
            yield running, issuer


def _as_subject(visitor, subject):
    """Sign in at the provider as a subject."""
    visitor.page.locator("input[name=login]").fill(subject)
    visitor.page.locator("input[name=password]").fill("anything")
    visitor.page.locator("button[type=submit]").click()


def test_a_provider_vouches_for_a_subject_and_the_grant_is_bound_to_it(window, federated):
    dashboards, issuer = federated
    guest = window(dashboards)
    guest.page.goto(dashboards.invite("zoe@example.org", Role.ARTIST, ARTIST))
    guest.page.get_by_role("link", name="Continuer avec Scène").click()
    _as_subject(guest, "subject-zoe")
    # Anyone's link could have led here, so the invitation is accepted by a form.
    guest.page.get_by_text("Accepter l’invitation").wait_for()  # noqa: RUF001 - French
    assert "zoe@example.org" in guest.text
    granted = [grant.principal for grant in list_grants(open_store(dashboards.settings))]
    assert (issuer, "subject-zoe") not in [(principal.issuer, principal.subject) for principal in granted]
    guest.page.get_by_role("button", name="Accepter").click()
    guest.wait()
    assert guest.page.locator("h1").inner_text() == "Mes revenus"
    granted = [grant.principal for grant in list_grants(open_store(dashboards.settings))]
    assert (issuer, "subject-zoe") in [(principal.issuer, principal.subject) for principal in granted]

    again = window(dashboards)
    again.page.goto(f"{dashboards.url}/sign-in")
    again.page.get_by_role("link", name="Continuer avec Scène").click()
    _as_subject(again, "subject-zoe")
    again.wait()
    assert again.figures()


def test_an_unknown_subject_is_told_that_nothing_is_granted_whatever_its_address(window, federated):
    dashboards, issuer = federated
    guest = window(dashboards)
    guest.page.goto(f"{dashboards.url}/sign-in")
    guest.page.get_by_role("link", name="Continuer avec Scène").click()
    _as_subject(guest, "subject-nobody")
    guest.page.get_by_text("Aucun accès").wait_for()
    assert issuer in guest.text
    assert "subject-nobody" in guest.text
    assert "€" not in guest.text


def test_a_wrong_secret_leads_back_to_the_sign_in_page(window, demo_home, tmp_path):
    home = served_home(demo_home, tmp_path / "home")
    port = free_port()
    with (
        provider(f"http://127.0.0.1:{port}/oidc/callback", **CLIENT) as issuer,
        serving(
            home,
            port=port,
            ALLIVE_OIDC_ISSUER=issuer,
            ALLIVE_OIDC_CLIENT_ID="allive",
            ALLIVE_OIDC_CLIENT_SECRET="not the one",  # noqa: S106 - wrong on purpose
        ) as dashboards,
    ):
        guest = window(dashboards)
        guest.page.goto(f"{dashboards.url}/sign-in")
        guest.page.get_by_role("link", name="Continuer avec").click()
        _as_subject(guest, "anybody")
        guest.page.locator("[role=alert]").wait_for()
        assert "/sign-in" in guest.page.url


def until(holds, page):
    """Wait up to `WITHIN_S` seconds until a condition holds."""
    for _ in range(WITHIN_S * 10):
        if holds():
            return
        page.wait_for_timeout(100)
    assert holds()
