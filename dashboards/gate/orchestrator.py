"""Dagster's web server behind the gate: which requests of operators reach it, and which answers come back.

Dagster has no authentication. It accepts mutations by GET and from forms on any site, and shows all of its data to
anyone who can reach its address. So it listens on a private socket, and this module decides what reaches it: pages and
files by GET, GraphQL by POST as JSON from our own pages, and subscriptions by a websocket from our own pages. Nothing
from the client is passed on unchecked.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import quote

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from allive.dashboards.access import Principal, Role, audit, sessions
from allive.dashboards.access.audit import Event
from allive.dashboards.access.grants import find_grant
from allive.dashboards.access.sessions import Session
from allive.dashboards.access.store import Store
from allive.dashboards.addresses import PREFIX, STREAM
from allive.dashboards.gate.index_page import SCRIPT
from allive.dashboards.gate.requests import Site, is_of_our_page
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.gate.websockets import LOOK_EVERY_S, SESSION_ENDED
from allive.ingestion.settings import Settings
from allive.ingestion.sockets import WEB_SERVER, SocketFolderError, socket_path

LONGEST_BODY: Final = 1024 * 1024
LONGEST_MESSAGE: Final = 256 * 1024
BODY_WITHIN_S: Final = 30.0
ANSWER_WITHIN_S: Final = 60.0
_CONNECT_WITHIN_S: Final = 5.0
_TIMEOUT: Final = httpx.Timeout(ANSWER_WITHIN_S, connect=_CONNECT_WITHIN_S, pool=_CONNECT_WITHIN_S)
_MOST_CONNECTIONS: Final = 40
_KEPT_S: Final = 5.0
_LONGEST_RECORDED: Final = 500

_LOG: Final = logging.getLogger(__name__)
_HOST: Final = "orchestrator"
_PROTOCOL: Final = Subprotocol("graphql-ws")
_DOWN: Final = (httpx.TransportError, OSError, SocketFolderError, WebSocketException)

_FILES: Final = re.compile(
    r"/(?:_next|vendor)/[A-Za-z0-9_@\[\]~.,=+-]+(?:/[A-Za-z0-9_@\[\]~.,=+-]+)*"
    r"|/[A-Za-z0-9_-]+\.(?:svg|ico|png|json|txt|mp4)"
)
_EXPORT: Final = re.compile(r"/download_debug/[0-9a-f-]{36}")
# Not needed here: logs that are not kept, notebooks, and asset events reported by a client.
_CLOSED: Final = ("/logs", "/notebook", "/dagit", "/report_asset", "/graphql", "/graphiql", "/_next", "/vendor")

_REQUEST_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match", "if-range", "range"}
)
_ANSWER_HEADERS: Final = frozenset(
    {
        *("accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-length"),
        *("content-range", "content-type", "etag", "last-modified", "vary"),
    }
)
# GraphQL has no escapes in names, so a document that changes anything contains this word.
_MUTATION: Final = re.compile(r"\bmutation\b")
_NONCE: Final = re.compile(r"'nonce-([0-9a-f]+)'")
_HEAD: Final = "<head>"


class _RefusedError(ValueError):
    """The client's request is not passed on; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Orchestrator:
    """Passes requests to the web server. The gate has already checked the session, the grant and the host."""

    def __init__(self, settings: Settings, store: Store, site: Site, own: GateRoutes) -> None:
        self._settings = settings
        self._store = store
        self._site = site
        self._own = own
        self._connections: tuple[str, httpx.AsyncHTTPTransport] | None = None

    async def answer(self, request: Request, *, session: Session, grant: Principal) -> Response:
        """Pass a request on, or refuse it. Users who are not operators get 404."""
        if grant.role is not Role.OPERATOR:
            return self._own.not_found(request)
        try:
            return await self._answer(request, session=session, grant=grant)
        except _RefusedError as refusal:
            _LOG.warning("refused at %s from %s: %s", request.scope["path"][:100], self._site.address(request), refusal)
            return PlainTextResponse(f"{refusal}\n", status_code=refusal.status)
        except httpx.TimeoutException:
            return PlainTextResponse("The orchestrator did not answer in time.\n", status_code=504)
        except _DOWN as error:
            _LOG.info("the orchestrator cannot be reached: %s: %s", type(error).__name__, error)
            return self._own.orchestrator_is_down(request)

    async def _answer(self, request: Request, *, session: Session, grant: Principal) -> Response:
        path = request.scope["path"].removeprefix(PREFIX) or "/"
        if request.method == "POST" and path == "/graphql":
            return await self._graphql(request, session=session, grant=grant)
        if request.method in {"GET", "HEAD"}:
            return await self._read(request, path, session=session)
        return self._own.not_found(request)

    async def serve(self, scope: Scope, receive: Receive, send: Send, *, session: Session, grant: Principal) -> None:
        """Connect a page's websocket to the orchestrator until either side closes or the user may no longer operate."""
        connection = HTTPConnection(scope)
        await receive()
        if (
            grant.role is not Role.OPERATOR
            or _PROTOCOL not in scope.get("subprotocols", [])
            or not is_of_our_page(connection)
        ):
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            async with self._upstream() as upstream:
                await send({"type": "websocket.accept", "subprotocol": _PROTOCOL})
                await self._join(upstream, receive, send, session=session)
        except _DOWN as error:
            _LOG.info("the orchestrator cannot be reached: %s: %s", type(error).__name__, error)
            with suppress(RuntimeError):
                await send({"type": "websocket.close", "code": 1012})

    async def _read(self, request: Request, path: str, *, session: Session) -> Response:
        """Answer a GET: one of Dagster's files, a run's export, or the single page that draws all others."""
        is_file, is_export = bool(_FILES.fullmatch(path)) and ".." not in path, bool(_EXPORT.fullmatch(path))
        is_page = not (is_file or is_export or path == "/server_info")
        if not is_of_our_page(request) and not (is_page and _is_navigation(request)):
            raise _RefusedError(403, "Only the orchestrator's own pages can request this.")
        if is_page and path.startswith(_CLOSED):
            return self._own.not_found(request)
        if is_page:
            # The user opened a page. The page's own requests afterwards do not keep a session alive.
            await run_in_threadpool(sessions.touch, self._store, session)
        answer = await self._ask("GET", "/" if is_page else path, headers=_passed(request, is_page=is_page))
        return await _page(answer) if is_page else _streamed(answer)

    async def _graphql(self, request: Request, *, session: Session, grant: Principal) -> Response:
        """Pass a query or a mutation on, as JSON rebuilt from the parsed request."""
        if not self._site.has_our_origin(request) or not is_of_our_page(request):
            raise _RefusedError(403, "The request comes from another site.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise _RefusedError(415, "Expected JSON.")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise _RefusedError(415, "Expected an uncompressed body.")
        asked = _operation(_parsed(await _body(request)))
        if _MUTATION.search(asked["query"]):
            await run_in_threadpool(sessions.touch, self._store, session)
            await run_in_threadpool(
                audit.record,
                self._store,
                Event.OPERATED,
                who=grant,
                address=self._site.address(request),
                operation=str(asked.get("operationName", ""))[:100],
                variables=json.dumps(asked.get("variables", {}), ensure_ascii=False)[:_LONGEST_RECORDED],
            )
        headers = {**_passed(request), "content-type": "application/json"}
        return _streamed(await self._ask("POST", "/graphql", headers=headers, content=json.dumps(asked)))

    async def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str], content: str | None = None
    ) -> httpx.Response:
        # Use the transport, not a client: a client would send cookies from one operator's answer for the next operator.
        request = httpx.Request(
            method,
            f"http://{_HOST}{PREFIX}{quote(path)}",
            headers=headers,
            content=content,
            extensions={"timeout": _TIMEOUT.as_dict()},
        )
        return await self._transport().handle_async_request(request)

    def _transport(self) -> httpx.AsyncHTTPTransport:
        # After a restart, the service can listen on another socket.
        path = str(socket_path(self._settings, WEB_SERVER))
        if self._connections is None or self._connections[0] != path:
            # Drop connections before the web server closes them: a request sent during the close would get no answer.
            limits = httpx.Limits(max_connections=_MOST_CONNECTIONS, keepalive_expiry=_KEPT_S)
            self._connections = path, httpx.AsyncHTTPTransport(uds=path, verify=False, limits=limits)
        return self._connections[1]

    @asynccontextmanager
    async def _upstream(self) -> AsyncIterator[ClientConnection]:
        async with unix_connect(
            str(socket_path(self._settings, WEB_SERVER)),
            f"ws://{_HOST}{STREAM}",
            subprotocols=[_PROTOCOL],
            open_timeout=_CONNECT_WITHIN_S,
            close_timeout=_CONNECT_WITHIN_S,
            ping_interval=None,
            max_size=None,
            user_agent_header=None,
        ) as connection:
            yield connection

    async def _join(self, upstream: ClientConnection, receive: Receive, send: Send, *, session: Session) -> None:
        ways = {
            asyncio.create_task(_to_the_orchestrator(upstream, receive), name="allive-operations-out"),
            asyncio.create_task(_to_the_page(upstream, send), name="allive-operations-in"),
            asyncio.create_task(self._until_the_right_ends(session), name="allive-operations-right"),
        }
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        codes = [way.result() for way in done if way.exception() is None]
        code = max((code for code in codes if code is not None), default=None)
        if code is not None:
            with suppress(RuntimeError):  # it was closed in the meantime
                await send({"type": "websocket.close", "code": code})

    async def _until_the_right_ends(self, session: Session) -> int:
        # Other processes change the store too, so there is no event to wait for.
        while await run_in_threadpool(self._may_operate, session):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)
        return SESSION_ENDED

    def _may_operate(self, session: Session) -> bool:
        if sessions.session_of(self._store, session.reference) is None:
            return False
        grant = find_grant(self._store, issuer=session.issuer, subject=session.subject)
        return grant is not None and grant.role is Role.OPERATOR


def is_orchestrators(path: str) -> bool:
    """Return whether a path belongs to the orchestrator."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def is_asset(path: str) -> bool:
    """Return whether a path is one of Dagster's static files: the same for everyone, with the version in the name."""
    return path.startswith(f"{PREFIX}/_next/static/")


async def _to_the_orchestrator(upstream: ClientConnection, receive: Receive) -> int | None:
    """Pass a page's messages on; return the close code, or None if the page closed the connection."""
    while True:
        message: Message = await receive()
        if message["type"] != "websocket.receive":
            return None
        text = message.get("text")
        if not isinstance(text, str) or len(text) > LONGEST_MESSAGE:
            return 1009
        try:
            passed = _subscribing(_parsed(text.encode("utf-8", "surrogatepass")))
        except _RefusedError:
            return 1008
        await upstream.send(json.dumps(passed))


async def _to_the_page(upstream: ClientConnection, send: Send) -> int:
    async for message in upstream:
        if isinstance(message, str):
            await send({"type": "websocket.send", "text": message})
    return 1000


def _subscribing(message: dict[str, Any]) -> dict[str, Any]:
    """Return the graphql-ws message to pass on: subscriptions only, nothing that changes data."""
    kind, name = message.get("type"), message.get("id")
    if kind in {"connection_init", "connection_terminate"}:
        return {"type": kind}
    if kind not in {"start", "stop"} or not isinstance(name, str | int):
        raise _RefusedError(400, "Expected a graphql-ws message.")
    if kind == "stop":
        return {"type": kind, "id": name}
    payload = message.get("payload")
    asked = _operation(payload if isinstance(payload, dict) else {})
    if _MUTATION.search(asked["query"]):
        raise _RefusedError(400, "Send mutations by POST.")
    return {"type": kind, "id": name, "payload": asked}


def _operation(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a GraphQL request that are passed on."""
    query, variables, name = asked.get("query"), asked.get("variables"), asked.get("operationName")
    if not isinstance(query, str) or not isinstance(variables, dict | None) or not isinstance(name, str | None):
        raise _RefusedError(400, "Expected a GraphQL request.")
    found = {"query": query, "variables": variables, "operationName": name}
    return {key: value for key, value in found.items() if value is not None}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise _RefusedError(400, "Expected JSON.") from None
    if not isinstance(content, dict):
        raise _RefusedError(400, "Expected a JSON object.")
    return content


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST_BODY:
                    raise _RefusedError(413, f"Expected at most {LONGEST_BODY:,} bytes.")
    except TimeoutError:
        raise _RefusedError(408, "The request body did not arrive in time.") from None
    return body


def _is_navigation(request: Request) -> bool:
    """Return whether the user is opening a page: by its address, a bookmark, or a link on another site."""
    headers = request.headers
    is_typed = headers.getlist("sec-fetch-site") == ["none"]
    is_followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_typed or is_followed


def _passed(request: Request, *, is_page: bool = False) -> dict[str, str]:
    """Return the headers that Dagster needs, without cookies or anything that identifies a person."""
    if is_page:
        return {"accept": "text/html", "accept-encoding": "identity"}
    # Set accept and accept-encoding in any case: httpx would add its own values if they were missing.
    found = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
    return {"accept": "*/*", "accept-encoding": "identity", **found}


def _streamed(answer: httpx.Response) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_raw():
                yield chunk
        finally:
            await answer.aclose()

    headers = {name: value for name, value in answer.headers.items() if name in _ANSWER_HEADERS}
    return StreamingResponse(chunks(), status_code=answer.status_code, headers=headers)


async def _page(answer: httpx.Response) -> Response:
    """Return Dagster's page with our own policy and the script that leaves the page when the session ends."""
    try:
        page = (await answer.aread()).decode("utf-8")
    finally:
        await answer.aclose()
    found = _NONCE.search(answer.headers.get("content-security-policy", ""))
    nonce = found[1] if found else ""
    script = f'{_HEAD}<script src="{SCRIPT}" nonce="{nonce}"></script>'
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}' 'strict-dynamic'",
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self'",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
    return HTMLResponse(
        page.replace(_HEAD, script, 1), status_code=answer.status_code, headers={"Content-Security-Policy": policy}
    )
