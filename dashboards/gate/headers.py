"""The headers that every answer carries, and the ones of the client's that go no further."""

from typing import Final

from starlette.datastructures import MutableHeaders

SESSION_HEADER: Final = "X-Allive-Session"
SESSION_KEY: Final = "session"
"""Where Streamlit has it in `st.user`: a reference that names the session inside the server and opens nothing."""

# Streamlit draws its charts by WebAssembly and workers from blobs, and styles elements one by one.
PAGE_POLICY: Final = "; ".join(  # noqa: FLY002 - one directive a line
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
FORM_POLICY: Final = "; ".join(  # noqa: FLY002 - one directive a line
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

# To Streamlit goes only what it needs: its own token against forged requests, and the language.
_COOKIE_OF_STREAMLIT: Final = "_streamlit_xsrf"
LANGUAGE_COOKIE: Final = "allive_language"
# Whatever a proxy or a gate could say of the user; ours are added after these are gone.
_DROPPED_EXACTLY: Final = frozenset({"authorization", "cookie", "forwarded", "remote-user", "from"})
_DROPPED_BEGINNINGS: Final = ("x-allive", "x-forwarded", "x-auth", "x-remote", "x-user", "x-streamlit", "x-real")


def protect(headers: MutableHeaders, *, is_https: bool, is_asset: bool) -> None:
    """Add what protects an answer. Assets (the same for everybody) may stay in the browser, nothing else."""
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    for name, value in _EVERYWHERE.items():
        headers[name] = value
    if is_https:
        headers["Strict-Transport-Security"] = _HSTS
    if not is_asset:
        headers["Cache-Control"] = "no-store"
    elif "public" in headers.get("Cache-Control", ""):
        # Behind the gate is not for shared caches, even where it is the same for all.
        headers["Cache-Control"] = headers["Cache-Control"].replace("public", "private")
    for name in ("Server", "X-Powered-By", "Access-Control-Allow-Origin"):
        if name in headers:
            del headers[name]


def vouched(
    headers: list[tuple[bytes, bytes]], *, reference: str, language: str, dropped: frozenset[str] = frozenset()
) -> list[tuple[bytes, bytes]]:
    """Return a request's headers for Streamlit: without what the client says of itself, with what the gate knows.

    A header is the same in any case and with `_` for `-`: some servers take one for the other.
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
