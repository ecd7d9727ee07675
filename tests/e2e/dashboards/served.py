"""Serves a data home's dashboards in a separate process: `python -m tests.e2e.dashboards.served PORT SCRIPT ROUTES`.

Writes every route of the application, including Streamlit's, to the file ROUTES as JSON.
"""

import json
import sys
from pathlib import Path

from starlette.routing import BaseRoute, Route

from allive.dashboards import app
from allive.ingestion.settings import Settings

_create = app.create_app


def _create_and_list(settings: Settings) -> object:
    application = _create(settings)
    application._starlette_app = application._build_starlette_app()  # type: ignore[attr-defined]
    streamlit = [_described(route) for route in application._starlette_app.routes]  # type: ignore[attr-defined]
    Path(sys.argv[3]).write_text(json.dumps(streamlit), encoding="utf-8")
    return application


def _described(route: BaseRoute) -> dict[str, object]:
    methods = sorted(route.methods or ()) if isinstance(route, Route) else []
    return {"path": getattr(route, "path", ""), "methods": methods}


if __name__ == "__main__":
    app.create_app = _create_and_list  # type: ignore[assignment]
    app.SCRIPT = Path(sys.argv[2])  # type: ignore[misc]
    app.serve(Settings(), port=int(sys.argv[1]), on_ready=lambda: None)
