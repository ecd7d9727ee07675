"""The gate: every request goes through it. Only the gate's own pages are open without a session and a grant."""

import logging
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from allive.dashboards.access import Principal, Role, grants, sessions
from allive.dashboards.access.sessions import Session
from allive.dashboards.access.store import Store
from allive.dashboards.addresses import STREAM as ORCHESTRATORS_STREAM
from allive.dashboards.formatting import Language
from allive.dashboards.gate.headers import protect, vouched
from allive.dashboards.gate.index_page import corrected
from allive.dashboards.gate.orchestrator import Orchestrator, is_orchestrators
from allive.dashboards.gate.orchestrator import is_asset as is_orchestrators_asset
from allive.dashboards.gate.requests import FormError, Site, language_of
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.gate.websockets import LiveConnections
from allive.dashboards.texts import Texts

_LOG: Final = logging.getLogger(__name__)

_STREAM: Final = "/_stcore/stream"
_ASSETS: Final = ("/static/", "/app/static/", "/component/", "/_stcore/bidi-components/", "/vendor/")
_ANSWERS: Final = frozenset({"/_stcore/health", "/_stcore/host-config"})
# Uploads, metrics, the agent interface and Streamlit's own sign-in are not used here.
_CLOSED: Final = ("/_stcore/", "/auth/", "/oauth2callback", "/media/", "/files/", "/gate/", "/oidc/")
_FIRST_PAGES: Final = {role: "/earnings" if role is Role.ARTIST else "/overview" for role in Role}
_PICTURES: Final = (".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".ico")
_CONDITIONAL: Final = frozenset({"accept-encoding", "if-none-match", "if-modified-since", "range", "if-range"})


class Gate:
    """ASGI middleware around Streamlit (`st.App(middleware=…)`)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        store: Store,
        site: Site,
        own: GateRoutes,
        more_routes: list[BaseRoute],
        orchestrator: Orchestrator,
    ) -> None:
        self._app = app
        self._store = store
        self._site = site
        self._own = own
        self._routes = [*own.routes(), *more_routes]
        self._own_app = Starlette(
            routes=self._routes,
            exception_handlers={FormError: own.stale_form, 404: own.not_found, 405: own.not_found},
        )
        self._live = LiveConnections(store)
        self._orchestrator = orchestrator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to Streamlit, or answer it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_asset = scope["path"].startswith((*_ASSETS, "/gate/")) and scope["path"] != "/gate/session"
        is_asset = is_asset or is_orchestrators_asset(scope["path"])
        has_begun = False

        async def send_protected(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                succeeded = message["status"] in {200, 206, 304}
                protect(MutableHeaders(scope=message), is_https=self._site.is_https, is_asset=is_asset and succeeded)
            await send(message)

        try:
            await self._answer(request, scope, receive, send_protected)
        except Exception:
            _LOG.exception("unexpected at %s %s", scope["method"], _loggable(scope["path"]))
            if has_begun:
                raise
            await self._own.failure(request)(scope, receive, send_protected)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._site.has_our_host(request):
            await PlainTextResponse("Unknown host.\n", status_code=421)(scope, receive, send)
            return
        if any(route.matches(scope)[0] is not Match.NONE for route in self._routes):
            await self._own_app(scope, receive, send)
            return
        session = await self._own.find_session(request)
        if session is None:
            await self._own.turn_away(request)(scope, receive, send)
            return
        grant = await run_in_threadpool(grants.find_grant, self._store, issuer=session.issuer, subject=session.subject)
        if grant is None:
            await self._own.no_access(request, session)(scope, receive, send)
            return
        if is_orchestrators(scope["path"]):
            response = await self._orchestrator.answer(request, session=session, grant=grant)
            await response(scope, receive, send)
            return
        await self._streamlit(request, scope, receive, send, session=session, role=grant.role)

    async def _streamlit(
        self, request: Request, scope: Scope, receive: Receive, send: Send, *, session: Session, role: Role
    ) -> None:
        path = scope["path"]
        if path == _FIRST_PAGES[role] and request.method in {"GET", "HEAD"}:
            # Streamlit serves a role's first page only at /.
            target = "/" + (f"?{request.url.query}" if request.url.query else "")
            await RedirectResponse(target, status_code=303)(scope, receive, send)
            return
        if request.method not in {"GET", "HEAD"} or not _is_open(path):
            await self._own.not_found(request)(scope, receive, send)
            return
        language = language_of(request)
        is_page = not path.startswith((*_ASSETS, "/media/")) and path not in _ANSWERS
        if is_page:
            await run_in_threadpool(sessions.touch, self._store, session)
        headers = vouched(
            scope["headers"],
            reference=session.reference,
            language=language,
            dropped=_CONDITIONAL if is_page else frozenset(),
        )
        inner = {**scope, "headers": headers}
        if is_page:
            await self._page(inner, receive, send, language=language)
        else:
            await self._app(inner, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send, *, language: Language) -> None:
        """Serve Streamlit's page with our corrections; it is the same small file for every path."""
        start: Message = {}
        body = b""

        async def collect(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")

        await self._app(scope, receive, collect)
        headers = MutableHeaders(raw=list(start["headers"]))
        if headers.get("content-type", "").startswith("text/html") and body:
            without_script = Texts("gate", language)("without_script")
            body = corrected(body.decode("utf-8"), language, without_script=without_script).encode()
            for name in ("etag", "last-modified", "content-length"):
                if name in headers:
                    del headers[name]
            headers["content-length"] = str(len(body))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        found = None
        if (
            scope["path"] in {_STREAM, ORCHESTRATORS_STREAM}
            and self._site.has_our_host(connection)
            and self._site.has_our_origin(connection)
        ):
            found = await run_in_threadpool(self._who, self._site.session_token(connection))
        if found is None:
            _LOG.info("refused a live connection from %s", self._site.address(connection))
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        session, grant = found
        if scope["path"] == ORCHESTRATORS_STREAM:
            await self._orchestrator.serve(scope, receive, send, session=session, grant=grant)
            return
        headers = vouched(scope["headers"], reference=session.reference, language=language_of(connection))
        await self._live.serve(self._app, {**scope, "headers": headers}, receive, send, session=session)

    def _who(self, token: str | None) -> tuple[Session, Principal] | None:
        session = sessions.find_session(self._store, token) if token else None
        grant = grants.find_grant(self._store, issuer=session.issuer, subject=session.subject) if session else None
        return (session, grant) if session and grant else None


def _is_open(path: str) -> bool:
    if path.startswith("/media/"):
        return path.lower().endswith(_PICTURES)
    return path.startswith(_ASSETS) or path in _ANSWERS or not path.startswith(_CLOSED)


def _loggable(path: str) -> str:
    # Keep invitation tokens out of the log.
    return "/invitation/…" if path.startswith("/invitation/") else path[:200]
