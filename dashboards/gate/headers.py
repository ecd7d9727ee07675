"""Headers added to every response, and client headers that are not passed on."""

from typing import Final

from starlette.datastructures import MutableHeaders

SESSION_HEADER: Final = "X-Allive-Session"
SESSION_KEY: Final = "session"
"""Its key in Streamlit's `st.user`. The reference identifies the session inside the server and gives no access."""

# Streamlit draws its charts with WebAssembly and workers from blobs, and uses inline styles.
PAGE_POLICY: Final = "; ".join(  # noqa: FLY002 - one directive per line
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval' blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
FORM_POLICY: Final = "; ".join(  # noqa: FLY002 - one directive per line
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# Pages that another program drew: they can have their own styles, and nothing else.
DATA_DOCS_POLICY: Final = "; ".join(  # noqa: FLY002 - one directive per line
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_EVERYWHERE: Final = {
    "Referrer-Policy": "same-origin",  # `no-referrer` would blank the Origin of our own forms
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
}
_HSTS: Final = "max-age=31536000"

# Streamlit gets only the cookies it needs: its own CSRF token and the language.
_COOKIE_OF_STREAMLIT: Final = "_streamlit_xsrf"
LANGUAGE_COOKIE: Final = "allive_language"
# Headers in which a proxy or another gate could name the user. Ours are added after these are removed.
_DROPPED_EXACTLY: Final = frozenset({"authorization", "cookie", "forwarded", "remote-user", "from"})
_DROPPED_BEGINNINGS: Final = ("x-allive", "x-forwarded", "x-auth", "x-remote", "x-user", "x-streamlit", "x-real")


def protect(headers: MutableHeaders, *, is_https: bool, is_asset: bool) -> None:
    """Add the security headers. Browsers may cache only assets, which are the same for everyone."""
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    for name, value in _EVERYWHERE.items():
        headers[name] = value
    if is_https:
        headers["Strict-Transport-Security"] = _HSTS
    if not is_asset:
        headers["Cache-Control"] = "no-store"
    elif "public" in headers.get("Cache-Control", ""):
        # Shared caches must not keep anything behind the gate, even if it is the same for everyone.
        headers["Cache-Control"] = headers["Cache-Control"].replace("public", "private")
    for name in ("Server", "X-Powered-By", "Access-Control-Allow-Origin"):
        if name in headers:
            del headers[name]


def vouched(
    headers: list[tuple[bytes, bytes]], *, reference: str, language: str, dropped: frozenset[str] = frozenset()
) -> list[tuple[bytes, bytes]]:
    """Return a request's headers for Streamlit: identity headers of the client removed, those of the gate added.

    Header names match in any case and with `_` for `-`, because some servers treat these as the same.
    """
    kept = [(name, value) for name, value in headers if not _is_dropped(name, dropped)]
    cookies = [f"{LANGUAGE_COOKIE}={language}".encode(), *_cookie_of_streamlit(headers)]
    return [*kept, (b"cookie", b"; ".join(cookies)), (SESSION_HEADER.lower().encode(), reference.encode())]


def _is_dropped(name: bytes, dropped: frozenset[str]) -> bool:
    plain = name.decode("latin-1").lower().replace("_", "-")
    return plain in _DROPPED_EXACTLY or plain in dropped or plain.startswith(_DROPPED_BEGINNINGS)


def _cookie_of_streamlit(headers: list[tuple[bytes, bytes]]) -> list[bytes]:
    pairs = [pair.strip() for name, value in headers if name.lower() == b"cookie" for pair in value.split(b";")]
    return [pair for pair in pairs if pair.startswith(_COOKIE_OF_STREAMLIT.encode() + b"=")][:1]
