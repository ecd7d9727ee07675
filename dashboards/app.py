"""The dashboards as an ASGI application: Streamlit behind the gate, and the server that runs it."""

import gc
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from socket import socket
from typing import Final

import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from allive.dashboards.access.store import open_store
from allive.dashboards.app_pages.all_exports import find_export
from allive.dashboards.gate import middleware, oidc
from allive.dashboards.gate.files import FileRoutes
from allive.dashboards.gate.headers import SESSION_HEADER, SESSION_KEY
from allive.dashboards.gate.middleware import Gate
from allive.dashboards.gate.oidc import OidcRoutes
from allive.dashboards.gate.orchestrator import Orchestrator
from allive.dashboards.gate.orders import OrderRoutes
from allive.dashboards.gate.requests import Site
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.gate.sparing import spare_logs
from allive.ingestion.settings import Settings

HOST: Final = "127.0.0.1"
_NOT_STARTED: Final = 3  # as uvicorn exits; its log has the reason
SCRIPT: Final = Path(__file__).parent / "streamlit_app.py"

# Options for security and performance; the look is set in .streamlit/config.toml.
_STREAMLIT: Final = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "client.showErrorLinks": False,
    "global.developmentMode": False,
    # Garbage collection after every rerun took 76 % of a page's time.
    "runner.postScriptGC": False,
    "server.enableStaticServing": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.headless": True,
    "server.maxUploadSize": 1,
    "server.trustedUserHeaders": {SESSION_HEADER: SESSION_KEY},
}


def create_app(settings: Settings) -> ASGIApp:
    """Return the application: `st.App` with the gate as its outermost layer."""
    import streamlit as st  # noqa: PLC0415 - slow to import, and needs its settings before it builds anything
    from streamlit import config  # noqa: PLC0415

    store = open_store(settings)
    site = Site.of(settings)
    own = GateRoutes(store, site, oidc_label=settings.oidc_label if settings.oidc_issuer else None)
    more = FileRoutes(settings, store, site, own, find_export).routes()
    more += OrderRoutes(settings, store, site, own).routes()
    orchestrator = Orchestrator(settings, store, site, own)
    if settings.oidc_issuer:
        more += OidcRoutes(settings, store, site, own).routes()
    gate = Middleware(Gate, store=store, site=site, own=own, more_routes=more, orchestrator=orchestrator)
    app = st.App(SCRIPT, middleware=[gate])
    config.get_config_options()
    for option, value in _STREAMLIT.items():
        config.set_option(option, value)
    return app


class _Server(uvicorn.Server):
    """A server that calls back when it accepts connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(settings: Settings, *, port: int, on_ready: Callable[[], None]) -> None:
    """Serve the dashboards on loopback until SIGINT or SIGTERM. `on_ready` is called when they answer."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    spare_logs(middleware.__name__, oidc.__name__, "uvicorn.error", "websockets.server")
    app = create_app(settings)
    _warm_up()
    # Imported modules stay loaded, so exclude them from later garbage collections.
    gc.collect()
    gc.freeze()
    server = _Server(
        uvicorn.Config(
            app,
            host=HOST,
            port=port,
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            ws_ping_interval=20,
            ws_ping_timeout=20,
        ),
        on_ready,
    )
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_NOT_STARTED)


def _warm_up() -> None:
    """Import what every page needs, so that the first visitor does not wait for it."""
    from allive.dashboards import charts  # noqa: PLC0415 - imports Altair, which must come after Streamlit is set up
    from allive.dashboards.app_pages.artist import earnings  # noqa: F401, PLC0415
    from allive.dashboards.app_pages.management import overview  # noqa: F401, PLC0415

    import_module("pandas")  # Streamlit uses it for the rows of every chart
    charts.warm_up()
