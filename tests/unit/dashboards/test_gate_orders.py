"""The page of close orders and the acceptance of invitations: only our own forms, by the session's user."""

import asyncio
import re
import uuid
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette

from allive.dashboards.access import Principal, Role, grants, invitations, sessions
from allive.dashboards.access.store import open_store
from allive.dashboards.access.tokens import token_hash
from allive.dashboards.formatting import Language
from allive.dashboards.gate import oidc
from allive.dashboards.gate.middleware import Gate
from allive.dashboards.gate.oidc import Flow, OidcRoutes
from allive.dashboards.gate.orchestrator import Orchestrator
from allive.dashboards.gate.orders import OrderRoutes
from allive.dashboards.gate.requests import Site
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.texts import Texts
from allive.ingestion import durable
from allive.ingestion.settings import Settings
from allive.payouts import audit, close_orders

URL = "http://localhost:8501"
ISSUER = "https://id.example"
MONTH = "2021-02"


class Browser:
    """Keeps cookies and sends requests to the gate without a network."""

    def __init__(self, gate: Gate) -> None:
        self.cookies = httpx.Cookies()
        self._gate = gate

    def get(self, path: str, *, headers: dict[str, str] | None = None, params: dict[str, str] | None = None):
        return asyncio.run(self._ask("GET", path, headers=headers, params=params))

    def post(self, path: str, *, data: dict[str, str], headers: dict[str, str]) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, data=data, headers=headers))

    async def _ask(self, method: str, path: str, **options: object) -> httpx.Response:
        transport = httpx.ASGITransport(self._gate, raise_app_exceptions=False)  # type: ignore[arg-type]
        headers = {"Accept": "text/html", "Accept-Language": "fr"}
        async with httpx.AsyncClient(
            transport=transport, base_url=URL, headers=headers, cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, **options)  # type: ignore[arg-type]
            self.cookies = client.cookies
        return answer


class Pages:
    """The gate of a data home, reached without a network."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = open_store(settings)
        site = Site.of(settings)
        own = GateRoutes(self.store, site, oidc_label="Example ID")
        self.oidc = OidcRoutes(settings, self.store, site, own)
        self.gate = Gate(
            Starlette(routes=[]),
            store=self.store,
            site=site,
            own=own,
            more_routes=[*OrderRoutes(settings, self.store, site, own).routes(), *self.oidc.routes()],
            orchestrator=Orchestrator(settings, self.store, site, own),
        )

    def visitor(self) -> "Browser":
        return Browser(self.gate)

    def enter(self, principal: Principal, **session: bytes) -> Browser:
        grants.put_grant(self.store, principal, by="op")
        return self.signed_in(issuer=principal.issuer, subject=principal.subject, **session)

    def signed_in(self, *, issuer: str, subject: str, **session: bytes) -> Browser:
        token = sessions.open_session(
            self.store, issuer=issuer, subject=subject, address="::1", method="tests", **session
        )
        visitor = self.visitor()
        visitor.cookies.set("allive", token)
        return visitor

    def operator(self, email: str) -> Browser:
        """A signed-in operator with one of our own accounts."""
        account_id = uuid.uuid4().hex
        with self.store.writing() as connection:
            connection.execute("insert into accounts values (?, ?, 'x', 0, 0)", (account_id, email))
        return self.enter(Principal("allive", account_id, "free text", Role.OPERATOR))


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    settings = Settings(home=tmp_path, oidc_issuer=ISSUER, oidc_client_id="x", oidc_client_secret="y")  # noqa: S106
    return Pages(settings)


@pytest.fixture
def careful(tmp_path: Path) -> Pages:
    settings = Settings(
        home=tmp_path,
        second_person=True,
        oidc_issuer=ISSUER,
        oidc_client_id="x",
        oidc_client_secret="y",  # noqa: S106
    )
    return Pages(settings)


def token_of(visitor: Browser, path: str, *, action: str | None = None) -> str:
    page = visitor.get(path).text
    found = re.search(rf'action="{action or path}"[^>]*><input type="hidden" name="token" value="(\w+)"', page)
    assert found, page
    return found[1]


def post(visitor: Browser, path: str, *, page: str | None = None, **fields: str) -> httpx.Response:
    token = token_of(visitor, page or path, action=path)
    return visitor.post(path, data={"token": token, **fields}, headers={"Origin": URL})


def lines(pages: Pages) -> list[dict[str, object]]:
    return list(audit.entries(pages.settings))


def test_an_order_is_given_by_whom_the_session_names(pages: Pages) -> None:
    ana = pages.operator("ana@example.org")
    answer = post(ana, "/orders", month=MONTH, acknowledged="a1b2c3", operator="ben@example.org", origin="command")
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders?done=ordered")
    (order,) = close_orders.open_orders(pages.settings)
    assert (order.operator, order.origin, order.acknowledged) == ("ana@example.org", "gate", "a1b2c3")
    page = ana.get("/orders?done=ordered").text
    for shown in ("L’ordre est donné", "Clôture de 2021-02", "ana@example.org", "a1b2c3"):  # noqa: RUF001
        assert shown in page


def test_somebody_of_a_provider_is_named_by_issuer_and_subject(pages: Pages) -> None:
    visitor = pages.enter(Principal(ISSUER, "42", "Ana", Role.OPERATOR))
    post(visitor, "/orders", month=MONTH)
    assert [line["operator"] for line in lines(pages)] == [f"{ISSUER} 42"]


@pytest.mark.parametrize("role", [Role.ARTIST, Role.MANAGEMENT, Role.FINANCE])
def test_the_page_is_for_operators(pages: Pages, role: Role) -> None:
    visitor = pages.enter(Principal("i", "s", "n", role, ("mina",) if role is Role.ARTIST else ()))
    assert visitor.get("/orders").status_code == 404
    for path in ("/orders", "/orders/x/approve", "/orders/x/withdraw"):
        assert visitor.post(path, data={"month": MONTH}, headers={"Origin": URL}).status_code == 404
    assert lines(pages) == []
    assert pages.visitor().get("/orders").headers["location"] == "/sign-in?next=%2Forders"


@pytest.mark.parametrize("month", ["", "2021-2", "février", "2021-13", "9999-12", "0000-01", "٢٠٢١-02"])
def test_what_is_no_month_is_told_at_the_field(pages: Pages, month: str) -> None:
    ana = pages.operator("ana@example.org")
    answer = post(ana, "/orders", month=month)
    assert answer.status_code == 400
    assert "Mois non valide" in answer.text
    assert lines(pages) == []


def test_a_refusal_is_told_in_the_visitors_language(pages: Pages) -> None:
    ana = pages.operator("ana@example.org")
    answer = post(ana, "/orders", month="9998-12")
    assert answer.status_code == 409
    assert "Ce mois ne peut pas être clos maintenant" in answer.text
    assert lines(pages) == []


@pytest.mark.parametrize("language", Language)
def test_every_reason_and_every_origin_has_its_words(language: Language) -> None:
    texts = Texts("gate", language)
    for why in get_args(close_orders.Why):
        assert texts(f"orders.refused.{why}")
    for origin in get_args(close_orders.Origin):
        assert texts(f"orders.origins.{origin}")


def test_a_log_that_is_busy_is_told_and_takes_nothing(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "APPEND_TIMEOUT_S", 0.05)
    ana = pages.operator("ana@example.org")
    log = audit.log_path(pages.settings)
    log.parent.mkdir(parents=True)
    with durable.appending(log):
        answer = post(ana, "/orders", month=MONTH)
    assert answer.status_code == 503
    assert "Réessayez dans une minute" in answer.text
    assert lines(pages) == []


def test_a_log_of_a_newer_version_is_told_and_takes_nothing(pages: Pages) -> None:
    ana = pages.operator("ana@example.org")
    token = token_of(ana, "/orders")
    log = audit.log_path(pages.settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('{"format": 99}\n', encoding="ascii")
    for answer in (
        ana.get("/orders"),
        ana.post("/orders", data={"token": token, "month": MONTH}, headers={"Origin": URL}),
    ):
        assert answer.status_code == 503
        assert "version plus récente" in answer.text
    assert log.read_text(encoding="ascii") == '{"format": 99}\n'


def test_a_second_person_approves_and_the_first_cannot(careful: Pages) -> None:
    ana, ben = careful.operator("ana@example.org"), careful.operator("ben@example.org")
    post(ana, "/orders", month=MONTH)
    (order,) = close_orders.open_orders(careful.settings)
    approve = f"/orders/{order.order_id}/approve"
    assert approve not in ana.get("/orders").text
    # The form is for ben; ana's token for another form does not work.
    answer = ana.post(approve, data={"token": token_of(ana, "/orders")}, headers={"Origin": URL})
    assert answer.status_code == 403
    assert post(ben, approve, page="/orders").headers["location"] == "/orders?done=approved"
    (order,) = close_orders.open_orders(careful.settings)
    assert order.approved_by == "ben@example.org"
    assert "ben@example.org" in ana.get("/orders").text


def test_an_order_is_withdrawn_with_a_reason(pages: Pages) -> None:
    ana = pages.operator("ana@example.org")
    post(ana, "/orders", month=MONTH)
    (order,) = close_orders.open_orders(pages.settings)
    withdraw = f"/orders/{order.order_id}/withdraw"
    assert post(ana, withdraw, page="/orders", why=" ").status_code == 400
    assert post(ana, withdraw, page="/orders", why="mauvais mois").headers["location"] == "/orders?done=withdrawn"
    assert close_orders.open_orders(pages.settings) == ()
    assert lines(pages)[-1]["why"] == "mauvais mois"


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": URL, "Sec-Fetch-Site": "cross-site"}]
)
def test_an_order_of_another_site_is_not_taken(pages: Pages, headers: dict[str, str]) -> None:
    ana = pages.operator("ana@example.org")
    token = token_of(ana, "/orders")
    assert ana.post("/orders", data={"token": token, "month": MONTH}, headers=headers).status_code == 403
    assert ana.get("/orders", params={"token": token, "month": MONTH}).status_code == 200
    assert lines(pages) == []


@pytest.fixture
def through_the_provider(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser that has opened an invitation and returns from the provider as subject 42."""
    invited = invitations.invite(pages.store, email="mina@example.org", role=Role.ARTIST, artist_ids=("m",), by="op")
    visitor = pages.visitor()
    visitor.cookies.set("allive-form", "browser")
    flow = Flow(nonce="n", code_verifier="v", return_to="/", invitation_hash=token_hash(invited))
    oidc._keep(pages.store, "state", "browser", flow)

    async def proven(*_: object) -> str:
        return "42"

    monkeypatch.setattr(pages.oidc, "_proven_subject", proven)
    return visitor


def came_back(visitor: Browser) -> httpx.Response:
    return visitor.get("/oidc/callback?state=state&code=c")


def test_no_get_replaces_what_somebody_may_see(pages: Pages, through_the_provider: Browser) -> None:
    before = Principal(ISSUER, "42", "Max", Role.MANAGEMENT)
    grants.put_grant(pages.store, before, by="op")
    answer = came_back(through_the_provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/invitation")
    page = through_the_provider.get("/invitation")
    assert page.status_code == 200
    assert "les pages d’artiste" in page.text  # noqa: RUF001
    assert "À la place de" in page.text
    assert "les pages de la direction" in page.text
    assert grants.find_grant(pages.store, issuer=ISSUER, subject="42") == before
    for headers in ({}, {"Origin": "https://evil.example"}):
        token = token_of(through_the_provider, "/invitation")
        assert through_the_provider.post("/invitation", data={"token": token}, headers=headers).status_code == 403
    assert grants.find_grant(pages.store, issuer=ISSUER, subject="42") == before
    assert post(through_the_provider, "/invitation").headers["location"] == "/"
    granted = grants.find_grant(pages.store, issuer=ISSUER, subject="42")
    assert granted is not None
    assert (granted.role, granted.artist_ids) == (Role.ARTIST, ("m",))
    # It works once.
    assert through_the_provider.get("/invitation").status_code == 410


def test_whoever_has_no_grant_is_asked_too(pages: Pages, through_the_provider: Browser) -> None:
    assert came_back(through_the_provider).headers["location"] == "/invitation"
    assert "À la place de" not in through_the_provider.get("/invitation").text
    assert grants.find_grant(pages.store, issuer=ISSUER, subject="42") is None
    assert post(through_the_provider, "/invitation").status_code == 303
    assert grants.find_grant(pages.store, issuer=ISSUER, subject="42") is not None


def test_an_invitation_that_was_withdrawn_meanwhile_is_not_accepted(
    pages: Pages, through_the_provider: Browser
) -> None:
    came_back(through_the_provider)
    token = token_of(through_the_provider, "/invitation")
    invitations.withdraw_invitations(pages.store, "mina@example.org", by="op")
    answer = through_the_provider.post("/invitation", data={"token": token}, headers={"Origin": URL})
    assert answer.status_code == 410
    assert grants.find_grant(pages.store, issuer=ISSUER, subject="42") is None


def test_nobody_accepts_an_invitation_without_having_opened_one(pages: Pages) -> None:
    visitor = pages.enter(Principal(ISSUER, "7", "Zoe", Role.FINANCE))
    assert visitor.get("/invitation").status_code == 410
    assert pages.visitor().get("/invitation").headers["location"] == "/sign-in?next=%2Finvitation"


def test_the_form_of_an_invitation_says_what_it_replaces(pages: Pages) -> None:
    token = invitations.invite(pages.store, email="ana@example.org", role=Role.FINANCE, by="op")
    assert "À la place de" not in pages.visitor().get(f"/invitation/{token}").text
    pages.operator("ana@example.org")
    page = pages.visitor().get(f"/invitation/{token}").text
    assert "À la place de" in page
    assert "les pages financières, l’orchestrateur et les ordres de clôture" in page  # noqa: RUF001


def test_another_site_does_not_choose_the_language(pages: Pages) -> None:
    visitor = pages.visitor()
    assert "set-cookie" not in visitor.get("/language/en", headers={"Sec-Fetch-Site": "cross-site"}).headers
    assert "set-cookie" in visitor.get("/language/en", headers={"Sec-Fetch-Site": "same-origin"}).headers
