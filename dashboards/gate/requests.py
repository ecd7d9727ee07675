"""Request data and how far to trust it: host, origin, client address, cookies, forms."""

import hashlib
import hmac
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from allive.dashboards.access.store import Store
from allive.dashboards.access.tokens import new_token
from allive.dashboards.formatting import Language
from allive.dashboards.gate.headers import LANGUAGE_COOKIE
from allive.ingestion.settings import Settings

LONGEST_FORM: Final = 16 * 1024
_YEAR_S: Final = 365 * 24 * 3600


class FormError(ValueError):
    """A form that did not come from our page, is stale, or is too long."""


@dataclass(frozen=True)
class Site:
    """The address of the dashboards, and the proxies they trust."""

    public_url: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, settings: Settings) -> "Site":
        """Return the site described by the settings."""
        networks = (network.strip() for network in settings.trusted_proxies.split(","))
        return cls(settings.public_url, tuple(ip_network(network) for network in networks if network))

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the site over HTTPS."""
        return self.public_url is not None and self.public_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie; the prefix `__Host-` binds it to this host, HTTPS and the path `/`."""
        return "__Host-allive" if self.is_https else "allive"

    @property
    def form_cookie(self) -> str:
        """Name of the cookie that ties a form to the browser it was sent to."""
        return "__Host-allive-form" if self.is_https else "allive-form"

    def hosts(self, connection: HTTPConnection) -> frozenset[str]:
        """Return the accepted Host values: the public address's if it is set, else loopback with our port."""
        if self.public_url is not None:
            return frozenset({urlsplit(self.public_url).netloc})
        port = (connection.scope.get("server") or ("", None))[1]
        return frozenset(f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]"))

    def has_our_host(self, connection: HTTPConnection) -> bool:
        """Return whether the request has exactly one Host, and it is ours; prevents DNS rebinding."""
        found = connection.headers.getlist("host")
        return len(found) == 1 and found[0].lower() in self.hosts(connection)

    def has_our_origin(self, connection: HTTPConnection) -> bool:
        """Return whether our own page sent the request. Browsers send Origin with every POST and websocket.

        Without the header, the answer is no.
        """
        found = connection.headers.getlist("origin")
        return len(found) == 1 and found[0].lower() == self.origin(connection)

    def origin(self, connection: HTTPConnection) -> str:
        """Return the origin this request was sent to. Check `has_our_host` first."""
        return self.public_url or f"http://{connection.headers['host'].lower()}"

    def address(self, connection: HTTPConnection) -> str:
        """Return the client's address: the last one in X-Forwarded-For that is not a trusted proxy."""
        address = connection.client.host if connection.client else "unknown"
        hops = [hop.strip() for line in connection.headers.getlist("x-forwarded-for") for hop in line.split(",")]
        while hops and self._is_proxy(address):
            address = hops.pop()
        return address[:64]

    def session_token(self, connection: HTTPConnection) -> str | None:
        """Return the token from the session cookie."""
        return connection.cookies.get(self.session_cookie)

    def set_session(self, response: Response, token: str) -> None:
        """Set the session cookie. Scripts cannot read it, and forms on other sites do not send it."""
        response.set_cookie(self.session_cookie, token, path="/", httponly=True, secure=self.is_https, samesite="lax")

    def drop_session(self, response: Response) -> None:
        """Delete the session cookie."""
        response.delete_cookie(self.session_cookie, path="/", httponly=True, secure=self.is_https, samesite="lax")

    def _is_proxy(self, address: str) -> bool:
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.trusted_proxies)


def is_of_our_page(connection: HTTPConnection) -> bool:
    """Return whether Sec-Fetch-Site is `same-origin` or missing. Browsers set this header; scripts cannot."""
    return all(site == "same-origin" for site in connection.headers.getlist("sec-fetch-site"))


def language_of(connection: HTTPConnection) -> Language:
    """Return the language: the one chosen, else the browser's preferred one that we have, else French."""
    chosen = connection.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in {*Language}:
        return Language(chosen)
    asked = connection.headers.get("accept-language", "")
    ranked = sorted(map(_ranked, asked.split(",")), key=lambda entry: -entry[1])
    return next((Language(tag) for tag, weight in ranked if tag in {*Language} and weight > 0), Language.FRENCH)


def set_language(response: Response, language: Language, *, site: Site) -> None:
    """Remember the chosen language for a year."""
    response.set_cookie(
        LANGUAGE_COOKIE, language, max_age=_YEAR_S, path="/", httponly=True, secure=site.is_https, samesite="lax"
    )


def safe_path(path: str | None) -> str:
    r"""Return a path if it is safe to redirect to, or `/` if it could lead to another site.

    >>> safe_path("/revenus?mois=2021-03"), safe_path("//evil.example"), safe_path("https://evil.example")
    ('/revenus?mois=2021-03', '/', '/')
    >>> safe_path("/%5Cevil.example"), safe_path("/\\evil.example"), safe_path(None)
    ('/', '/', '/')
    """
    is_plain = path is not None and path.isascii() and path.isprintable() and len(path) <= 512  # noqa: PLR2004
    if path is None or not is_plain or not path.startswith("/") or path.startswith("//"):
        return "/"
    return "/" if "\\" in path or "%5c" in path.lower() or "%2f" in path.lower()[:4] else path


class Forms:
    """Form tokens. A token proves that the form was sent to this browser, for this purpose."""

    def __init__(self, store: Store, site: Site) -> None:
        self._store = store
        self._site = site

    def browser(self, request: Request) -> str:
        """Return the value that ties forms to this browser: its cookie, or a new value that `seal` sets."""
        if not hasattr(request.state, "browser"):
            request.state.browser = request.cookies.get(self._site.form_cookie) or new_token()
        return str(request.state.browser)

    def token(self, request: Request, purpose: str) -> str:
        """Return the token for a form's hidden field."""
        text = f"{purpose}\n{self.browser(request)}\n{self._site.session_token(request) or ''}"
        return hmac.new(self._store.form_key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def seal(self, request: Request, response: Response) -> None:
        """Set the cookie that the form's token is checked against."""
        response.set_cookie(
            self._site.form_cookie,
            self.browser(request),
            path="/",
            httponly=True,
            secure=self._site.is_https,
            samesite="lax",
        )

    async def read(self, request: Request, purpose: str) -> dict[str, str]:
        """Return a form's fields.

        Raises:
            FormError: It comes from another site, its token does not match, it is too long, or it is not a form.
        """
        if not self._site.has_our_origin(request) or not is_of_our_page(request):
            raise FormError("foreign origin")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_FORM:
                raise FormError("too long")
        try:
            fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise FormError("not a form") from None
        form = {name: values[-1] for name, values in fields.items()}
        if not hmac.compare_digest(form.get("token", "").encode(), self.token(request, purpose).encode()):
            raise FormError("wrong token")
        return form


def _ranked(entry: str) -> tuple[str, float]:
    tag, _, weight = entry.partition(";")
    try:
        quality = float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        quality = 0.0
    return tag.strip().lower().partition("-")[0], quality
