"""The gate's own routes: signing in and out, invitations, the language. All public routes are here and in `oidc`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from allive.dashboards.access import Principal, Role, accounts, audit, grants, invitations, lockout, passwords, sessions
from allive.dashboards.access.audit import Event
from allive.dashboards.access.grants import LOCAL_ISSUER
from allive.dashboards.access.invitations import Invitation
from allive.dashboards.access.sessions import Session
from allive.dashboards.access.store import Store
from allive.dashboards.formatting import Language
from allive.dashboards.gate.pages import Field, Form, Page, respond
from allive.dashboards.gate.requests import Forms, Site, is_of_our_page, language_of, safe_path, set_language
from allive.dashboards.texts import Texts

_ASSETS: Final = Path(__file__).parent / "assets"
_STATIC: Final = Path(__file__).parent.parent / "static"
_SERVED: Final = {
    "gate.css": (_ASSETS, "text/css"),
    "session.js": (_ASSETS, "text/javascript"),
    "icon.svg": (_STATIC, "image/svg+xml"),
    "inter-latin.woff2": (_STATIC, "font/woff2"),
}
_SEE_OTHER: Final = 303
ACCEPTANCE: Final = "/invitation"
"""Where a person who has signed in with a provider accepts the invitation they opened before."""


class GateRoutes:
    """The handlers, with their store and site."""

    def __init__(self, store: Store, site: Site, *, oidc_label: str | None = None) -> None:
        self._store = store
        self._site = site
        self._forms = Forms(store, site)
        self._oidc_label = oidc_label

    def routes(self) -> list[BaseRoute]:
        """Return the routes that the gate answers itself."""
        return [
            Route("/sign-in", self.sign_in, methods=["GET", "POST"]),
            Route(ACCEPTANCE, self.acceptance, methods=["GET", "POST"]),
            Route("/invitation/{token}", self.invitation, methods=["GET", "POST"]),
            Route("/sign-out", self.sign_out, methods=["GET", "POST"]),
            Route("/language/{code}", self.language, methods=["GET"]),
            Route("/gate/session", self.session, methods=["GET"]),
            Route("/gate/{name}", self.asset, methods=["GET"]),
        ]

    async def sign_in(self, request: Request) -> Response:
        """Show the sign-in page, or check an address and a password."""
        texts = Texts("gate", language_of(request))
        if request.method != "POST":
            if await self.find_session(request):
                return RedirectResponse(safe_path(request.query_params.get("next")), status_code=_SEE_OTHER)
            notice = next(
                (texts(f"sign_in.{key}") for key in ("ended", "signed_out") if key in request.query_params), ""
            )
            alert = (
                texts("sign_in.oidc_failed", label=self._oidc_label) if "oidc_failed" in request.query_params else ""
            )
            return self._sign_in_page(
                request, texts, notice=notice, alert=alert, return_to=request.query_params.get("next")
            )
        form = await self._forms.read(request, "sign-in")
        email, password, return_to = form.get("email", ""), form.get("password", ""), form.get("next")
        address = self._site.address(request)
        if not email.strip() or not password:
            return self._sign_in_page(
                request, texts, alert=texts("sign_in.missing"), email=email, return_to=return_to, status=400
            )
        result = await run_in_threadpool(
            accounts.check_password, self._store, email=email, password=password, address=address
        )
        if result.account_id is None:
            minutes = -(-result.wait_s // 60)
            alert = texts.plural("sign_in.locked", minutes) if minutes else texts("sign_in.wrong")
            page = self._sign_in_page(
                request, texts, alert=alert, email=email, return_to=return_to, status=429 if minutes else 401
            )
            if minutes:
                page.headers["Retry-After"] = str(result.wait_s)
            return page
        return await self.enter(
            request,
            issuer=LOCAL_ISSUER,
            subject=result.account_id,
            method="password",
            return_to=safe_path(return_to),
        )

    async def enter(
        self,
        request: Request,
        *,
        issuer: str,
        subject: str,
        method: str,
        return_to: str = "/",
        invitation_hash: bytes | None = None,
    ) -> Response:
        """Open a session for an authenticated subject and redirect; this browser's previous session ends."""
        address = self._site.address(request)
        before = await self.find_session(request)
        if before is not None:
            await run_in_threadpool(sessions.end_session, self._store, before, address=address)
        token = await run_in_threadpool(
            sessions.open_session,
            self._store,
            issuer=issuer,
            subject=subject,
            address=address,
            method=method,
            invitation_hash=invitation_hash,
        )
        response = RedirectResponse(return_to, status_code=_SEE_OTHER)
        self._site.set_session(response, token)
        response.delete_cookie(self._site.form_cookie, path="/", secure=self._site.is_https, httponly=True)
        return response

    async def invitation(self, request: Request) -> Response:
        """Show what an invitation grants, which does not use it up, or accept it by setting the password."""
        texts = Texts("gate", language_of(request))
        token = request.path_params["token"]
        purpose = f"invitation {token}"
        address = self._site.address(request)
        found = await run_in_threadpool(invitations.find_invitation, self._store, token)
        if found is None:
            if request.method == "POST":
                await run_in_threadpool(audit.record, self._store, Event.INVITATION_REFUSED, address=address)
            return self.invitation_gone(request)
        replaced = await run_in_threadpool(invitations.grant_of_account, self._store, found.email)
        scopes = _scopes(texts, found, replaced)
        if request.method != "POST":
            return self._invitation_page(request, texts, token, found.email, scopes=scopes)
        form = await self._forms.read(request, purpose)
        password = form.get("password", "")
        weakness = passwords.weakness(password, email=found.email)
        if weakness or password != form.get("again"):
            return self._invitation_page(
                request,
                texts,
                token,
                found.email,
                scopes=scopes,
                error=texts(f"invitation.{weakness}") if weakness else "",
                again_error="" if weakness else texts("invitation.differ"),
            )
        try:
            account_id = await run_in_threadpool(
                invitations.accept_with_password, self._store, token, password, address=address
            )
        except invitations.InvitationError:
            return self.invitation_gone(request)
        await run_in_threadpool(lockout.succeed, self._store, account=found.email, address=address)
        return await self.enter(request, issuer=LOCAL_ISSUER, subject=account_id, method="invitation")

    async def acceptance(self, request: Request) -> Response:
        """Ask a person signed in with a provider whether to accept an invitation, or handle the answer.

        Never accept on a GET: a link on any site could lead someone through the provider and replace their grant.
        """
        session = await self.find_session(request)
        if session is None:
            return self.turn_away(request)
        found = await run_in_threadpool(invitations.invitation_of, self._store, session.invitation_hash)
        if found is None or session.invitation_hash is None:
            return self.invitation_gone(request)
        texts = Texts("gate", language_of(request))
        if request.method != "POST":
            replaced = await run_in_threadpool(
                grants.find_grant, self._store, issuer=session.issuer, subject=session.subject
            )
            page = Page(
                title=texts("acceptance.title"),
                lead=texts("acceptance.lead", email=found.email),
                facts=_scopes(texts, found, replaced),
                form=self._form(request, "acceptance", ACCEPTANCE, texts("acceptance.submit")),
                links=(("/", texts("acceptance.stay")),),
            )
            return self._respond(request, page)
        await self._forms.read(request, "acceptance")
        try:
            await run_in_threadpool(
                invitations.accept_as_subject,
                self._store,
                session.invitation_hash,
                issuer=session.issuer,
                subject=session.subject,
                address=self._site.address(request),
            )
        except invitations.InvitationError:
            return self.invitation_gone(request)
        return await self.enter(request, issuer=session.issuer, subject=session.subject, method="invitation")

    async def sign_out(self, request: Request) -> Response:
        """Ask for confirmation, or sign out."""
        session = await self.find_session(request)
        if session is None:
            response: Response = RedirectResponse("/sign-in?signed_out=1", status_code=_SEE_OTHER)
            self._site.drop_session(response)
            return response
        if request.method != "POST":
            texts = Texts("gate", language_of(request))
            grant = await run_in_threadpool(
                grants.find_grant, self._store, issuer=session.issuer, subject=session.subject
            )
            page = Page(
                title=texts("sign_out.title"),
                lead=texts("sign_out.lead", name=grant.name if grant else session.subject),
                form=self._form(request, "sign-out", "/sign-out", texts("sign_out.submit")),
                links=(("/", texts("sign_out.stay")),),
            )
            return self._respond(request, page)
        await self._forms.read(request, "sign-out")
        await run_in_threadpool(sessions.end_session, self._store, session, address=self._site.address(request))
        response = RedirectResponse("/sign-in?signed_out=1", status_code=_SEE_OTHER)
        self._site.drop_session(response)
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    async def language(self, request: Request) -> Response:
        """Set the language and go back."""
        code = request.path_params["code"]
        back = request.query_params.get("back") or request.headers.get("referer", "").removeprefix(
            self._site.origin(request)
        )
        response = RedirectResponse(safe_path(back), status_code=_SEE_OTHER)
        if code in {*Language} and is_of_our_page(request):
            set_language(response, Language(code), site=self._site)
        return response

    async def session(self, request: Request) -> Response:
        """Return 204 if the session is live, else 401; checking does not keep it alive."""
        return Response(status_code=204 if await self.find_session(request) else 401)

    async def asset(self, request: Request) -> Response:
        """Serve a file that the gate's pages use."""
        name = request.path_params["name"]
        if name not in _SERVED:
            return self.not_found(request)
        folder, media_type = _SERVED[name]
        return FileResponse(folder / name, media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})

    async def find_session(self, request: Request) -> Session | None:
        """Return the live session for the request's cookie."""
        token = self._site.session_token(request)
        return await run_in_threadpool(sessions.find_session, self._store, token) if token else None

    def turn_away(self, request: Request) -> Response:
        """Redirect a page to the sign-in, which leads back here; answer anything else with 401."""
        wants_page = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")
        if not wants_page:
            return PlainTextResponse("Sign in first.\n", status_code=401)
        return_to = safe_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        target = "/sign-in" if return_to == "/" else "/sign-in?" + urlencode({"next": return_to})
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def no_access(self, request: Request, session: Session) -> Response:
        """Show that the subject has no grant, with the data an operator needs to grant it."""
        texts = Texts("gate", language_of(request))
        page = Page(
            title=texts("no_access.title"),
            lead=texts("no_access.lead") + " " + texts("no_access.ask"),
            facts={texts("no_access.issuer"): session.issuer, texts("no_access.subject"): session.subject},
            form=self._form(request, "sign-out", "/sign-out", texts("sign_out.submit")),
        )
        return self._respond(request, page, status=403)

    def invitation_gone(self, request: Request) -> Response:
        """Show that an invitation was used, was withdrawn or has expired."""
        texts = Texts("gate", language_of(request))
        page = Page(
            title=texts("invitation.gone_title"),
            lead=texts("invitation.gone"),
            links=(("/sign-in", texts("sign_in.title")),),
        )
        return respond(page, language_of(request), back="/sign-in", status=410)

    def stale_form(self, request: Request, _error: Exception | None = None) -> Response:
        """Show that a form was not accepted."""
        return self._plain_page(request, "stale_form", status=403)

    def not_found(self, request: Request, _error: Exception | None = None) -> Response:
        """Show the page for 404."""
        return self._plain_page(request, "not_found", status=404)

    def orchestrator_is_down(self, request: Request) -> Response:
        """Show that the orchestrator is not running and what to do; send scripts a plain 503."""
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("The orchestrator is not running.\n", status_code=503)
        return self._plain_page(request, "orchestrator_down", status=503)

    def failure(self, request: Request, _error: Exception | None = None) -> Response:
        """Show the page for an internal error, without details."""
        return self._plain_page(request, "failure", status=500)

    def _plain_page(self, request: Request, key: str, *, status: int) -> Response:
        texts = Texts("gate", language_of(request))
        page = Page(title=texts(f"{key}.title"), lead=texts(f"{key}.lead"), links=(("/", texts("home")),))
        return respond(page, language_of(request), back="/", status=status)

    def _sign_in_page(
        self,
        request: Request,
        texts: Texts,
        *,
        notice: str = "",
        alert: str = "",
        email: str = "",
        return_to: str | None = None,
        status: int = 200,
    ) -> Response:
        return_to = safe_path(return_to)
        page = Page(
            title=texts("sign_in.title"),
            lead=texts("sign_in.lead"),
            notice=notice,
            alert=alert,
            form=self._form(
                request,
                "sign-in",
                "/sign-in",
                texts("sign_in.submit"),
                Field("email", texts("sign_in.email"), "email", "username", value=email, is_focused=not email),
                Field("password", texts("sign_in.password"), "password", "current-password", is_focused=bool(email)),
                next=return_to,
            ),
            links=self._oidc_links(texts, next=return_to),
            divider=texts("sign_in.or"),
            footnote=texts("sign_in.forgotten"),
        )
        return self._respond(request, page, status=status, back="/sign-in?" + urlencode({"next": return_to}))

    def _invitation_page(
        self,
        request: Request,
        texts: Texts,
        token: str,
        email: str,
        *,
        scopes: Mapping[str, str],
        error: str = "",
        again_error: str = "",
    ) -> Response:
        page = Page(
            title=texts("invitation.title"),
            lead=texts("invitation.lead", email=email),
            facts=scopes,
            form=self._form(
                request,
                f"invitation {token}",
                f"/invitation/{quote(token, safe='')}",
                texts("invitation.submit"),
                Field("email", texts("sign_in.email"), "email", "username", value=email, is_fixed=True),
                Field(
                    "password",
                    texts("invitation.password"),
                    "password",
                    "new-password",
                    hint=texts("invitation.hint"),
                    error=error,
                    is_focused=not again_error,
                ),
                Field(
                    "again",
                    texts("invitation.again"),
                    "password",
                    "new-password",
                    error=again_error,
                    is_focused=bool(again_error),
                ),
            ),
            links=self._oidc_links(texts, invitation=token),
            divider=texts("sign_in.or"),
        )
        status = 400 if error or again_error else 200
        return self._respond(request, page, status=status, back=f"/invitation/{quote(token, safe='')}")

    def _oidc_links(self, texts: Texts, **parameters: str) -> tuple[tuple[str, str], ...]:
        if self._oidc_label is None:
            return ()
        return ((f"/oidc/start?{urlencode(parameters)}", texts("sign_in.oidc", label=self._oidc_label)),)

    def _form(self, request: Request, purpose: str, action: str, submit: str, *fields: Field, **hidden: str) -> Form:
        return Form(
            action=action,
            submit=submit,
            hidden={"token": self._forms.token(request, purpose), **hidden},
            fields=fields,
        )

    def _respond(self, request: Request, page: Page, *, status: int = 200, back: str | None = None) -> Response:
        response = respond(page, language_of(request), back=back or request.url.path, status=status)
        self._forms.seal(request, response)
        return response


def _scopes(texts: Texts, invitation: Invitation, replaced: Principal | None) -> dict[str, str]:
    """Return what an invitation grants and, if different, the grant that it replaces."""
    gives = _scope(texts, invitation.role, invitation.artist_ids)
    loses = _scope(texts, replaced.role, replaced.artist_ids) if replaced else gives
    return {texts("scope.gives"): gives} | ({texts("scope.replaces"): loses} if loses != gives else {})


def _scope(texts: Texts, role: Role, artist_ids: tuple[str, ...]) -> str:
    return texts(f"scope.{role}", artists=", ".join(artist_ids))
