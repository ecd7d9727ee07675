"""Which claims of a request the gate trusts, what it passes on to Streamlit, and what it returns."""

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from allive.dashboards.formatting import Language
from allive.dashboards.gate.headers import vouched
from allive.dashboards.gate.index_page import corrected
from allive.dashboards.gate.pages import html
from allive.dashboards.gate.requests import Site, language_of
from allive.dashboards.gate.sparing import Sparing
from allive.ingestion.settings import Settings

PUBLIC = "https://artistes.example.org"


def request(peer: str = "127.0.0.1", **headers: str) -> Request:
    named = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (peer, 1), "server": ("127.0.0.1", 8501), "headers": named, "path": "/"})


def site(*, public_url: str | None = None, trusted_proxies: str = "") -> Site:
    return Site.of(Settings(home=Path("/nowhere"), public_url=public_url, trusted_proxies=trusted_proxies))


def test_on_loopback_only_loopback_is_served() -> None:
    for host, is_ours in (("127.0.0.1:8501", True), ("LOCALHOST:8501", True), ("localhost", False), ("evil", False)):
        assert site().has_our_host(request(host=host)) is is_ours
    assert site().has_our_origin(request(host="localhost:8501", origin="http://localhost:8501"))
    assert not site().has_our_origin(request(host="localhost:8501", origin="http://127.0.0.1:8501"))
    assert not site().has_our_origin(request(host="localhost:8501"))


def test_in_public_only_the_public_address_is_served() -> None:
    public = site(public_url=PUBLIC + "/")
    assert public.has_our_host(request(host="artistes.example.org"))
    assert not public.has_our_host(request(host="127.0.0.1:8501"))
    assert public.has_our_origin(request(host="artistes.example.org", origin=PUBLIC))
    assert not public.has_our_origin(request(host="artistes.example.org", origin="http://artistes.example.org"))


def test_a_public_cookie_is_bound_to_host_and_https() -> None:
    public, response = site(public_url=PUBLIC), Response()
    public.set_session(response, "token")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-allive=token;")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"))
    assert "Domain" not in cookie
    # A cookie with the plain name is ignored: another site on http could have set it.
    assert public.session_token(request(cookie="allive=planted")) is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_who_is_behind_them(peer: str, forwarded: str, address: str) -> None:
    behind = site(trusted_proxies="10.0.0.0/8")
    headers = {"x_forwarded_for": forwarded} if forwarded else {}
    assert behind.address(request(peer, **headers)) == address


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "http://artistes.example.org"},
        {"public_url": "https://artistes.example.org/dashboards"},
        {"public_url": "https://user@artistes.example.org"},
        {"public_url": "artistes.example.org"},
        {"trusted_proxies": "10.0.0.0/8, proxy"},
        {"oidc_issuer": "http://id.example.org"},
        {"oidc_issuer": "https://id.example.org"},
    ],
)
def test_a_setting_that_would_weaken_the_gate_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(home=Path("/nowhere"), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "fr"),
        ({"accept_language": "de"}, "fr"),
        ({"accept_language": "de, en-GB;q=0.8, fr;q=0.5"}, "en"),
        ({"accept_language": "en;q=0, *"}, "fr"),
        ({"accept_language": ";;q=x,,en;q=nan"}, "fr"),
        ({"cookie": "allive_language=en"}, "en"),
        ({"cookie": "allive_language=xx", "accept_language": "en"}, "en"),
    ],
)
def test_the_language_is_chosen_or_asked_for_or_french(headers: dict[str, str], language: str) -> None:
    assert language_of(request(**headers)) == language


def test_only_the_gate_names_the_user_to_streamlit() -> None:
    sent = [
        (b"X_Allive_Session", b"forged"),
        (b"x-allive-session", b"forged"),
        (b"cookie", b"allive=secret; _streamlit_xsrf=a; _streamlit_user=forged"),
        (b"cookie", b"allive_language=xx"),
        (b"authorization", b"Bearer x"),
        (b"x-forwarded-user", b"forged"),
        (b"remote_user", b"forged"),
        (b"host", b"127.0.0.1:8501"),
    ]
    headers = vouched(sent, reference="ref", language="en")
    assert sorted(headers) == [
        (b"cookie", b"allive_language=en; _streamlit_xsrf=a"),
        (b"host", b"127.0.0.1:8501"),
        (b"x-allive-session", b"ref"),
    ]


def test_streamlits_page_is_corrected() -> None:
    import streamlit  # noqa: PLC0415 - heavy

    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    french = corrected(page, Language.FRENCH, without_script="Sans JavaScript")
    assert '<html lang="fr">' in french
    assert "<title>Allive</title>" in french
    assert "<script>" not in french, "the content security policy would block it"
    assert "service-desc" not in french
    assert "_stcore/agent" not in french
    assert "<noscript><p>Sans JavaScript</p></noscript>" in french
    assert french.index("/gate/session.js") < french.index("./static/js/index."), "session.js must load first"
    assert '<div id="root"></div>' in french


def test_everything_in_a_page_is_escaped() -> None:
    assert html("<p title='$a'>$b</p>", a="'>", b="<script>") == "<p title='&#x27;&gt;'>&lt;script&gt;</p>"


def test_strangers_do_not_fill_the_log_file(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    logger = logging.getLogger("tests.spared")
    spare = Sparing(clock=lambda: now)
    logger.addFilter(spare)
    caplog.set_level(logging.INFO, logger=logger.name)
    for number in range(250):
        logger.info("refused %s", number)
    assert len(caplog.messages) == 100
    now = 3600.0
    logger.info("refused %s", "again")
    assert caplog.messages[100:] == ["refused again (150 earlier lines were held back)"]
    logger.info("refused %s", "once more")
    assert caplog.messages[101:] == ["refused once more"]
