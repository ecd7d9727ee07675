"""Signing in with an OpenID Connect provider: code flow with PKCE, state and nonce.

Only issuer and subject are used from the ID token: an e-mail address does not identify anyone. A flow is stored for ten
minutes, is tied to the browser that started it, and works once.
"""

import logging
import warnings
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from allive.dashboards.access import audit
from allive.dashboards.access.audit import Event
from allive.dashboards.access.store import Store
from allive.dashboards.access.tokens import new_token, token_hash
from allive.dashboards.gate.requests import Forms, Site, safe_path
from allive.dashboards.gate.routes import ACCEPTANCE, GateRoutes
from allive.ingestion.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_CALLBACK: Final = "/oidc/callback"
_FLOW_S: Final = 600
_MOST_FLOWS: Final = 5_000
_LEEWAY_S: Final = 60
_TIMEOUT_S: Final = 10
# Only signatures by the provider's private key; never `none`, never a shared secret.
_SIGNATURES: Final = ("RS", "PS", "ES", "Ed")
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class OidcError(RuntimeError):
    """The provider's answer does not prove who the visitor is."""


@dataclass(frozen=True)
class Flow:
    """State kept while the visitor is at the provider."""

    nonce: str
    code_verifier: str
    return_to: str
    invitation_hash: bytes | None


class OidcRoutes:
    """The flow's two handlers."""

    def __init__(self, settings: Settings, store: Store, site: Site, own: GateRoutes) -> None:
        self._store = store
        self._site = site
        self._own = own
        self._forms = Forms(store, site)
        self._issuer = str(settings.oidc_issuer)
        self._provider = _provider(settings)

    def routes(self) -> list[BaseRoute]:
        """Return the flow's routes; both are public."""
        return [
            Route("/oidc/start", self.start, methods=["GET"]),
            Route(_CALLBACK, self.callback, methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        """Send the browser to the provider."""
        state, nonce, verifier = new_token(), new_token(), new_token()
        invitation = request.query_params.get("invitation")
        try:
            metadata = await self._metadata()
            sent = await self._provider.create_authorization_url(
                self._callback_address(request), state=state, nonce=nonce, code_verifier=verifier
            )
        except Exception:  # noqa: BLE001 - whatever goes wrong at the network or the provider, show the sign-in page
            _LOG.exception("the OpenID Connect provider %s did not answer", self._issuer)
            return self._failed()
        _LOG.debug("sending to %s", metadata["authorization_endpoint"])
        flow = Flow(
            nonce=nonce,
            code_verifier=verifier,
            return_to=safe_path(request.query_params.get("next")),
            invitation_hash=token_hash(invitation) if invitation else None,
        )
        await run_in_threadpool(_keep, self._store, state, self._forms.browser(request), flow)
        response = RedirectResponse(sent["url"], status_code=303)
        self._forms.seal(request, response)
        return response

    async def callback(self, request: Request) -> Response:
        """Handle the provider's answer: open a session if it proves who this is, then ask about an invitation."""
        address = self._site.address(request)
        flow = await run_in_threadpool(
            _take, self._store, request.query_params.get("state", ""), self._forms.browser(request)
        )
        try:
            if flow is None:
                raise OidcError("The answer matches no sign-in started by this browser in the last ten minutes.")  # noqa: TRY301
            subject = await self._proven_subject(request, flow)
        except Exception as error:  # noqa: BLE001 - outside input; the reason goes to the log, not to the visitor
            _LOG.warning("a sign-in with %s was refused: %s: %s", self._issuer, type(error).__name__, error)
            await run_in_threadpool(
                audit.record, self._store, Event.SIGN_IN_REFUSED, address=address, issuer=self._issuer
            )
            return self._failed()
        # This is a GET, and a link on any site can lead here. So the visitor has to confirm before an invitation
        # replaces their grant.
        return await self._own.enter(
            request,
            issuer=self._issuer,
            subject=subject,
            method="oidc",
            return_to=flow.return_to if flow.invitation_hash is None else ACCEPTANCE,
            invitation_hash=flow.invitation_hash,
        )

    async def _proven_subject(self, request: Request, flow: Flow) -> str:
        answer = request.query_params
        if "error" in answer or not answer.get("code"):
            raise OidcError(f"The provider answered {answer.get('error', 'nothing')[:80]!r}; expected a code.")
        if answer.get("iss", self._issuer) != self._issuer:
            raise OidcError("The answer names another issuer.")
        metadata = await self._metadata()
        token = await self._provider.fetch_access_token(
            self._callback_address(request), code=answer["code"], code_verifier=flow.code_verifier
        )
        claims = await self._provider.parse_id_token(
            token,
            nonce=flow.nonce,
            claims_options={
                "iss": {"essential": True, "value": metadata["issuer"]},
                "aud": {"essential": True, "value": self._provider.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
            },
            leeway=_LEEWAY_S,
        )
        subject = claims.get("sub") if claims else None
        if not isinstance(subject, str) or not subject or len(subject) > 255:  # noqa: PLR2004 - OpenID Connect's own bound
            raise OidcError("The provider sent no ID token with a subject.")
        return subject

    async def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = await self._provider.load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            raise OidcError(
                f"Found the issuer {metadata.get('issuer')!r}; expected {self._issuer!r} (ALLIVE_OIDC_ISSUER)."
            )
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name.startswith(_SIGNATURES)]
        return metadata

    def _callback_address(self, request: Request) -> str:
        return f"{self._site.origin(request)}{_CALLBACK}"

    def _failed(self) -> Response:
        return RedirectResponse("/sign-in?" + urlencode({"oidc_failed": 1}), status_code=303)


def _provider(settings: Settings) -> Any:
    with warnings.catch_warnings():
        # Authlib warns about httpx, which it uses unless httpx2 is installed; remove this once the lock has httpx2. Its
        # first import sets its own filter, so ours must come after it.
        import authlib.deprecate  # noqa: F401, PLC0415 - only where a provider is named

        warnings.simplefilter("ignore")
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415 - only where a provider is named
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    return OAuth().register(
        "provider",
        client_id=settings.oidc_client_id,
        # Authlib does not encode it. RFC 6749 §2.3.1 requires encoding, which matters for characters such as `+`.
        client_secret=quote_plus(secret) if secret else None,
        server_metadata_url=str(settings.oidc_issuer).rstrip("/") + _WELL_KNOWN,
        client_kwargs={"scope": "openid", "code_challenge_method": "S256", "timeout": _TIMEOUT_S},
    )


def _keep(store: Store, state: str, browser: str, flow: Flow) -> None:
    with store.writing() as connection:
        connection.execute("delete from oidc_flows where expires_at <= ?", (store.now(),))
        # A flood of started flows pushes out the oldest ones instead of filling the disk.
        connection.execute(
            "delete from oidc_flows where state_hash not in "
            "(select state_hash from oidc_flows order by expires_at desc limit ?)",
            (_MOST_FLOWS,),
        )
        connection.execute(
            "insert into oidc_flows (state_hash, browser_hash, nonce, code_verifier, return_to, invitation_hash, "
            "expires_at) values (?, ?, ?, ?, ?, ?, ?)",
            (
                token_hash(state),
                token_hash(browser),
                flow.nonce,
                flow.code_verifier,
                flow.return_to,
                flow.invitation_hash,
                store.now() + _FLOW_S,
            ),
        )


def _take(store: Store, state: str, browser: str) -> Flow | None:
    with store.writing() as connection:
        row = connection.execute(
            "delete from oidc_flows where state_hash = ? and browser_hash = ? and expires_at > ? "
            "returning nonce, code_verifier, return_to, invitation_hash",
            (token_hash(state), token_hash(browser), store.now()),
        ).fetchone()
    return Flow(**dict(row)) if row else None
