"""Statements, exports and data docs. Every request is authorized and recorded in the audit log."""

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from allive.dashboards.access import AccessDeniedError, Principal, audit, grants, require_artist, require_platform
from allive.dashboards.access.audit import Event
from allive.dashboards.access.store import Store
from allive.dashboards.addresses import DATA_DOCS
from allive.dashboards.exports import ExportParameterError, Make, UnknownExportError, as_csv
from allive.dashboards.gate.headers import DATA_DOCS_POLICY
from allive.dashboards.gate.requests import Site, safe_path
from allive.dashboards.gate.routes import GateRoutes
from allive.dashboards.serving import ServingCopyMissingError, current_copy
from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.statements.names import STATEMENTS_FOLDER, statement_file_name

_LONGEST_RECORDED: Final = 100
_SUITE: Final = re.compile("[a-z_]+")
_NO_FILE: Final = (AccessDeniedError, FileNotFoundError, UnknownExportError)


@dataclass(frozen=True)
class FileRoutes:
    """The handlers, with their store and data home. `find_export` returns an export of the pages by its name."""

    settings: Settings
    store: Store
    site: Site
    own: GateRoutes
    find_export: Callable[[str], Make]

    def routes(self) -> list[BaseRoute]:
        """Return the file routes; each looks up the requester's grant."""
        return [
            Route("/files/statements/{month}/{artist_id:path}.pdf", self.statement, methods=["GET"]),
            Route("/files/exports/{name}.csv", self.export, methods=["GET"]),
            Route(f"{DATA_DOCS}/{{name}}.html", self.data_docs, methods=["GET"]),
        ]

    async def statement(self, request: Request) -> Response:
        """Send an artist's statement for a closed month. A forbidden and a missing statement give the same answer."""
        month, artist_id = request.path_params["month"], request.path_params["artist_id"]

        def find(principal: Principal) -> Response:
            require_artist(principal, artist_id)
            path = self._statement_path(month, artist_id)
            return FileResponse(
                path, media_type="application/pdf", filename=f"allive-{month}-{path.name.removeprefix('~')}"
            )

        return await self._hand_out(
            request, find, done=Event.STATEMENT_READ, refused=Event.STATEMENT_REFUSED, month=month, artist_id=artist_id
        )

    async def export(self, request: Request) -> Response:
        """Send a table as CSV, made for the requester."""
        name, parameters = request.path_params["name"], dict(request.query_params)

        def make(principal: Principal) -> Response:
            table = self.find_export(name)(principal, current_copy(self.settings), parameters)
            return Response(
                as_csv(table),
                media_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": f'attachment; filename="allive-{name}.csv"'},
            )

        return await self._hand_out(
            request, make, done=Event.EXPORTED, refused=Event.EXPORT_REFUSED, name=name, parameters=parameters
        )

    async def data_docs(self, request: Request) -> Response:
        """Send the page of a suite's latest validation, or the index of these pages."""
        name = request.path_params["name"]

        def find(principal: Principal) -> Response:
            require_platform(principal)
            if not _SUITE.fullmatch(name):
                raise FileNotFoundError(name)
            page = _read_page(self.settings.data_docs_dir / f"{name}.html")
            return HTMLResponse(page, headers={"Content-Security-Policy": DATA_DOCS_POLICY})

        return await self._hand_out(
            request, find, done=Event.DATA_DOCS_READ, refused=Event.DATA_DOCS_REFUSED, name=name
        )

    async def _hand_out(
        self,
        request: Request,
        make: Callable[[Principal], Response],
        *,
        done: Event,
        refused: Event,
        **what: str | dict[str, str],
    ) -> Response:
        session = await self.own.find_session(request)
        if session is None:
            return self.own.turn_away(request)
        principal = await run_in_threadpool(
            grants.find_grant, self.store, issuer=session.issuer, subject=session.subject
        )
        if principal is None:
            return self.own.no_access(request, session)
        details = {key: _short(value) for key, value in what.items()}
        address = self.site.address(request)
        try:
            response = await run_in_threadpool(make, principal)
        except _NO_FILE:
            await run_in_threadpool(audit.record, self.store, refused, who=principal, address=address, **details)
            return self.own.not_found(request)
        except ExportParameterError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        except ServingCopyMissingError:
            return RedirectResponse(safe_path("/"), status_code=303)
        await run_in_threadpool(audit.record, self.store, done, who=principal, address=address, **details)
        return response

    def _statement_path(self, month: str, artist_id: str) -> Path:
        # Only closed months. `statement_file_name` makes sure that no artist id leads out of the folder.
        if month not in ledger.closed_months(self.settings):
            raise FileNotFoundError(month)
        path = ledger.month_dir(self.settings, month) / STATEMENTS_FOLDER / statement_file_name(artist_id)
        if not path.is_file():
            raise FileNotFoundError(path)
        return path


def _read_page(path: Path) -> str:
    """Return a page of the data docs.

    Raises:
        FileNotFoundError: There is none: nothing, a link, a folder, or no text.
    """
    try:
        page = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(page, encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(page).st_mode):
                raise FileNotFoundError(path)
            return file.read()
    except (OSError, UnicodeDecodeError):
        raise FileNotFoundError(path) from None


def _short(value: str | dict[str, str]) -> str | dict[str, str]:
    if isinstance(value, str):
        return value[:_LONGEST_RECORDED]
    return {key[:_LONGEST_RECORDED]: text[:_LONGEST_RECORDED] for key, text in list(value.items())[:20]}
