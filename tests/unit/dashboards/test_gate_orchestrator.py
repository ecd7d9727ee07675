"""Requests that pass the gate to the orchestrator and requests that do not, seen by a recording web server."""

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from allive.dashboards.access import Principal, Role, grants, sessions
from allive.dashboards.access.store import Store
from allive.dashboards.gate import orchestrator
from allive.dashboards.gate.middleware import Gate
from allive.dashboards.gate.orchestrator import Orchestrator
from allive.dashboards.gate.requests import Site
from allive.dashboards.gate.routes import GateRoutes
from allive.ingestion.settings import Settings
from allive.ingestion.sockets import WEB_SERVER, make_socket_folder, remove_socket_folder
from tests.access_store import audit_lines, end_sessions_of, revoke_grant

pytestmark = pytest.mark.slow

WITHIN_S = 20
QUERY = "query Who { version }"
MUTATION = "mutation Launch { launchRun { __typename } }"
CLOSED = 4401


class WebServer:
    """A fake of Dagster's web server that records the requests it receives."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.messages: list[str] = []
        self.app = Starlette(
            routes=[
                WebSocketRoute("/operations/graphql", self._stream),
                Route("/{path:path}", self._answer, methods=["GET", "HEAD", "POST", "PUT", "DELETE"]),
            ]
        )

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        self.requests.append((request.method, request.url.path, dict(request.headers), body))
        headers = {"Set-Cookie": "dagster=1", "Server": "dagster", "X-Dagster-Call-Counts": "{}", "Connection": "close"}
        if request.url.path == "/operations/":
            headers["Content-Security-Policy"] = "script-src 'nonce-0a1b2c' 'unsafe-inline' https:"
            return PlainTextResponse("<html><head><title>Dagster</title></head></html>", headers=headers)
        if request.method == "POST":
            return JSONResponse({"data": {"secret": "SECRET"}}, headers=headers)
        return PlainTextResponse("SECRET", headers=headers)

    async def _stream(self, page: WebSocket) -> None:
        self.requests.append(("WEBSOCKET", page.url.path, dict(page.headers), b""))
        await page.accept(subprotocol="graphql-ws")
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await page.receive_text()
                self.messages.append(message)
                await page.send_text(json.dumps({"echo": json.loads(message)["type"]}))


@contextlib.contextmanager
def served(app: object, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, server_header=False))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + WITHIN_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(WITHIN_S)


class Gated:
    """The gate with the orchestrator behind it, and a user of each role."""

    def __init__(self, settings: Settings, port: int, web_server: WebServer) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{port}"
        self.store = Store(settings.access_dir / "access.sqlite3")
        self.web_server = web_server

    def cookie(self, role: Role) -> str:
        artists = ("mina",) if role is Role.ARTIST else ()
        principal = Principal("tests", f"{role}-1", f"{role}@example.org", role, artists)
        grants.put_grant(self.store, principal, by="tests")
        return sessions.open_session(self.store, issuer="tests", subject=f"{role}-1", address="::1", method="tests")

    def ask(self, method: str, path: str, *, role: Role | None = Role.OPERATOR, **options: object) -> httpx.Response:
        headers: dict[str, str] = dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if role is not None:
            headers.setdefault("Cookie", f"allive={self.cookie(role)}; other=1")
        with httpx.Client(base_url=self.url, trust_env=False, timeout=WITHIN_S) as client:
            return client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    def graphql(self, query: str = QUERY, **options: object) -> httpx.Response:
        headers = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", **options.pop("headers", {})}  # type: ignore[dict-item]
        return self.ask("POST", "/operations/graphql", json={"query": query}, headers=headers, **options)

    @contextlib.contextmanager
    def stream(
        self, *, role: Role | None = Role.OPERATOR, origin: str | None = "", protocol: str = "graphql-ws", **more: str
    ) -> Iterator[ClientConnection]:
        headers = {"Cookie": f"allive={self.cookie(role)}", **more} if role else dict(more)
        with connect(
            f"{self.url.replace('http', 'ws')}/operations/graphql",
            origin=self.url if origin == "" else origin,  # type: ignore[arg-type]
            subprotocols=[protocol],  # type: ignore[list-item]
            additional_headers=headers,
            open_timeout=WITHIN_S,
            proxy=None,
        ) as connection:
            yield connection


@pytest.fixture(scope="module")
def gated() -> Iterator[Gated]:
    # Not pytest's long path: with it the socket would be in another folder.
    home = Path(tempfile.mkdtemp(prefix="allive-t-"))
    settings = Settings(home=home)
    web_server = WebServer()
    behind = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    behind.bind(str(make_socket_folder(settings) / WEB_SERVER))
    behind.listen()
    front = socket.socket()
    front.bind(("127.0.0.1", 0))
    front.listen()
    port = front.getsockname()[1]
    running = Gated(settings, port, web_server)

    async def streamlit(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        await PlainTextResponse("STREAMLIT")(scope, receive, send)

    site = Site.of(settings)
    own = GateRoutes(running.store, site)
    gate = Gate(
        streamlit,
        store=running.store,
        site=site,
        own=own,
        more_routes=[],
        orchestrator=Orchestrator(settings, running.store, site, own),
    )
    with served(web_server.app, behind), served(gate, front):
        yield running
    remove_socket_folder(settings)
    shutil.rmtree(home)


@pytest.fixture(autouse=True)
def _nothing_kept(gated: Gated) -> None:
    gated.web_server.requests.clear()
    gated.web_server.messages.clear()


def reached(gated: Gated) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _, _ in gated.web_server.requests]


def test_an_operator_reads_and_asks(gated: Gated) -> None:
    page = gated.ask("GET", "/operations/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert '<script src="/gate/session.js" nonce="0a1b2c"></script>' in page.text
    assert gated.graphql().json() == {"data": {"secret": "SECRET"}}
    for path in ("/operations/_next/static/chunks/a-1.js", "/operations/favicon.svg", "/operations/server_info"):
        assert gated.ask("GET", path).text == "SECRET"
    assert reached(gated) == [
        ("GET", "/operations/"),
        ("POST", "/operations/graphql"),
        ("GET", "/operations/_next/static/chunks/a-1.js"),
        ("GET", "/operations/favicon.svg"),
        ("GET", "/operations/server_info"),
    ]


@pytest.mark.parametrize("role", [None, Role.ARTIST, Role.MANAGEMENT, Role.FINANCE])
def test_nobody_else_reaches_it(gated: Gated, role: Role | None) -> None:
    expected = 401 if role is None else 404
    for path in ("/operations", "/operations/", "/operations/server_info", "/operations/runs/x"):
        assert gated.ask("GET", path, role=role).status_code == expected
    assert gated.graphql(role=role).status_code == expected
    with pytest.raises(InvalidStatus) as refused, gated.stream(role=role):
        pass
    assert refused.value.response.status_code == 403
    assert reached(gated) == []


def test_the_orchestrator_learns_nothing_that_a_client_says_of_itself(gated: Gated) -> None:
    said = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-User": "root",
        "Authorization": "Basic eDp5",
        "X-Allive-Session": "x",
        "Remote-User": "root",
        "X-Anything": "else",
        "Accept": "application/json",
        "Connection": "keep-alive, X-Anything",
        "TE": "trailers",
        "Upgrade": "h2c",
        "Proxy-Authorization": "x",
    }
    gated.graphql(headers=said)
    gated.ask("GET", "/operations/server_info", headers=said)
    with gated.stream(**{"X-Forwarded-User": "root"}) as stream:
        stream.send(json.dumps({"type": "connection_init", "payload": {"secret": 1}}))
        stream.recv(timeout=WITHIN_S)
    allowed = {
        *("accept", "accept-encoding", "accept-language", "connection", "content-length", "content-type", "host"),
        *("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol"),
        *("upgrade", "user-agent"),
    }
    assert len(gated.web_server.requests) == 3
    for _, _, headers, _ in gated.web_server.requests:
        assert set(headers) <= allowed
        assert headers["host"] == "orchestrator"
        assert "X-Anything" not in headers.get("connection", "")
    assert gated.web_server.messages == ['{"type": "connection_init"}']


def test_the_browser_learns_only_what_a_page_needs(gated: Gated) -> None:
    for answer in (gated.graphql(), gated.ask("GET", "/operations/x"), gated.ask("GET", "/operations/server_info")):
        assert not {"set-cookie", "server", "x-dagster-call-counts"} & set(answer.headers)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/graphql"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_what_another_site_can_send_does_not_pass(gated: Gated, headers: dict[str, str]) -> None:
    answer = gated.graphql(MUTATION, headers=headers)
    assert answer.status_code in {403, 415}
    assert reached(gated) == []


def test_without_an_origin_nothing_is_asked(gated: Gated) -> None:
    assert gated.ask("POST", "/operations/graphql", json={"query": QUERY}).status_code == 403
    assert reached(gated) == []


def test_a_foreign_host_is_not_served(gated: Gated) -> None:
    assert gated.graphql(MUTATION, headers={"Host": "evil.example"}).status_code == 421
    assert gated.ask("GET", "/operations/", headers={"Host": "evil.example"}).status_code == 421
    assert reached(gated) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_graphql_is_asked_by_post_alone(gated: Gated, method: str) -> None:
    answer = gated.ask(method, f"/operations/graphql?query={MUTATION}", headers={"Origin": gated.url})
    assert answer.status_code == 404
    assert reached(gated) == []


def test_what_stands_in_the_address_is_not_passed_on(gated: Gated) -> None:
    headers = {"Origin": gated.url}
    gated.ask("POST", f"/operations/graphql?query={MUTATION}", json={"query": QUERY}, headers=headers)
    ((_, path, _, body),) = gated.web_server.requests
    assert path == "/operations/graphql"
    assert json.loads(body) == {"query": QUERY}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"[[" * 100_000,
        b'{"query": 1}',
        b'[{"query": "{ a }"}]',
        b'{"query": "{ a }", "variables": "{}"}',
        b'{"query": "{ a }", "operationName": 1}',
    ],
)
def test_what_is_no_graphql_request_does_not_pass(gated: Gated, body: bytes) -> None:
    headers = {"Origin": gated.url, "Content-Type": "application/json"}
    assert gated.ask("POST", "/operations/graphql", content=body, headers=headers).status_code == 400
    assert reached(gated) == []


def test_of_two_values_of_a_key_the_one_that_was_checked_passes(gated: Gated) -> None:
    body = b'{"query": "mutation { x }", "query": "query { y }", "extensions": {"a": 1}}'
    headers = {"Origin": gated.url, "Content-Type": "application/json"}
    gated.ask("POST", "/operations/graphql", content=body, headers=headers)
    assert json.loads(gated.web_server.requests[0][3]) == {"query": "query { y }"}


def test_a_body_has_a_bound_and_a_time(gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gated.graphql("x" * (orchestrator.LONGEST_BODY + 1)).status_code == 413
    monkeypatch.setattr(orchestrator, "BODY_WITHIN_S", 0.2)
    host, port = gated.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WITHIN_S) as slow:
        slow.sendall(
            f"POST /operations/graphql HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {gated.url}\r\n"
            f"Content-Type: application/json\r\nContent-Length: 9\r\n"
            f"Cookie: allive={gated.cookie(Role.OPERATOR)}\r\n\r\n{{".encode()
        )
        assert b" 408 " in slow.recv(4096)
    assert reached(gated) == []


@pytest.mark.parametrize(
    "path",
    [
        "/operations/report_asset_materialization/marts/x",
        "/operations/report_asset_check/x",
        "/operations/logs/x/y.out",
        "/operations/notebook?path=x.ipynb&repoLocName=allive",
        "/operations/dagit/notebook",
        "/operations/_next/../graphql",
        "/operations/_next/%2e%2e/graphql",
        "/operations/_next/..%2fgraphql",
        "/operations/vendor/graphiql/../../server_info",
        "/operations/_next//x.js",
        "/operations/_next/a%00.js",
        "/operations/download_debug/../graphql",
    ],
)
def test_what_nobody_needs_is_closed_whatever_its_spelling(gated: Gated, path: str) -> None:
    for method in ("GET", "POST"):
        # Sent verbatim: the client would normalize the path.
        target = {"target": path.encode()}
        gated.ask(method, "/operations/", headers={"Origin": gated.url, "Accept": "text/html"}, extensions=target)
    # Any path that is not one of Dagster's files gets, at most, its single page.
    assert set(reached(gated)) <= {("GET", "/operations/")}


@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate"])
def test_another_sites_page_fetches_nothing_of_it(gated: Gated, mode: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "iframe"}
    for path in ("/operations/", "/operations/server_info", "/operations/_next/static/a.js"):
        assert gated.ask("GET", path, headers=headers).status_code == 403
    export = f"/operations/download_debug/{'0' * 36}"
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert gated.ask("GET", export, headers=followed).status_code == 403
    assert reached(gated) == []
    # A link in a mail is allowed to lead to a page.
    assert gated.ask("GET", "/operations/runs", headers=followed).status_code == 200


def test_a_change_is_on_record_with_who_made_it(gated: Gated) -> None:
    gated.graphql(MUTATION)
    gated.graphql(QUERY)
    changes = [line for line in audit_lines(gated.store) if line.event == "operated"]
    assert [(line.issuer, line.subject) for line in changes] == [("tests", "operator-1")]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
def test_another_sites_page_opens_no_websocket(gated: Gated, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, gated.stream(origin=origin):
        pass
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus), gated.stream(**{"Sec-Fetch-Site": "cross-site"}):
        pass
    assert reached(gated) == []


def test_subscriptions_pass_and_changes_do_not(gated: Gated) -> None:
    started = {"type": "start", "id": "1", "payload": {"query": "subscription { x }", "variables": {"a": 1}, "b": 2}}
    with gated.stream() as stream:
        assert stream.subprotocol == "graphql-ws"
        for message in ({"type": "connection_init"}, started, {"type": "stop", "id": "1"}):
            stream.send(json.dumps(message))
            assert json.loads(stream.recv(timeout=WITHIN_S)) == {"echo": message["type"]}
    started["payload"] = {"query": "subscription { x }", "variables": {"a": 1}}
    assert json.loads(gated.web_server.messages[1]) == started


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({"type": "start", "id": "1", "payload": {"query": MUTATION}}),
        json.dumps({"type": "start", "id": "1", "payload": {"query": "subscription { x } mutation { y }"}}),
        json.dumps({"type": "start", "id": "1", "payload": []}),
        json.dumps({"type": "anything"}),
        "{",
        b"\x00\x01",
        json.dumps({"type": "stop", "id": "x" * orchestrator.LONGEST_MESSAGE}),
    ],
)
def test_another_message_closes_the_websocket(gated: Gated, message: str | bytes) -> None:
    with gated.stream() as stream:
        stream.send(message)
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=WITHIN_S)
    assert gated.web_server.messages == []


@pytest.mark.parametrize("change", ["revoked", "demoted", "signed out"])
def test_a_websocket_is_closed_with_the_right_to_it(gated: Gated, change: str) -> None:
    with gated.stream() as stream:
        stream.send(json.dumps({"type": "connection_init"}))
        stream.recv(timeout=WITHIN_S)
        if change == "revoked":
            revoke_grant(gated.store, issuer="tests", subject="operator-1", by="tests")
        elif change == "demoted":
            finance = Principal("tests", "operator-1", "x", Role.FINANCE)
            grants.put_grant(gated.store, finance, by="tests")
        else:
            end_sessions_of(gated.store, issuer="tests", subject="operator-1", by="tests")
        with pytest.raises((ConnectionClosed, TimeoutError)) as closed:
            stream.recv(timeout=WITHIN_S)
    assert isinstance(closed.value, ConnectionClosed), "the stream stayed open"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CLOSED


def test_a_service_that_does_not_run_is_told_in_the_visitors_language(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = Store(settings.access_dir / "access.sqlite3")
    site = Site.of(settings)
    gate = Gate(
        PlainTextResponse("STREAMLIT"),
        store=store,
        site=site,
        own=GateRoutes(store, site),
        more_routes=[],
        orchestrator=Orchestrator(settings, store, site, GateRoutes(store, site)),
    )
    grants.put_grant(store, Principal("tests", "o", "o", Role.OPERATOR), by="tests")
    token = sessions.open_session(store, issuer="tests", subject="o", address="::1", method="tests")

    async def ask(accept: str, language: str) -> httpx.Response:
        headers = {"Cookie": f"allive={token}", "Accept": accept, "Accept-Language": language}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://localhost:8501") as client:  # type: ignore[arg-type]
            return await client.get("/operations/", headers=headers)

    french, english = (asyncio.run(ask("text/html", language)) for language in ("fr", "en"))
    assert (french.status_code, english.status_code) == (503, 503)
    assert "Le service est arrêté" in french.text
    assert "The service is not running" in english.text
    assert asyncio.run(ask("*/*", "fr")).text == "The orchestrator is not running.\n"
