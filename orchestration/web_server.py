"""Dagster's web server on a Unix socket: `python -m allive.orchestration.web_server SOCKET WORKSPACE`.

Dagster's own command line only listens on a port, which any web page and any user of the machine can reach. It has no
sign-in, and accepts mutations by GET and from forms of other sites. Only the gate of the dashboards uses this socket.
"""

import logging
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from allive.dashboards.addresses import PREFIX

# The values that Dagster's own command line uses.
_STATEMENT_TIMEOUT_MS: Final = 15_000
_POOL_RECYCLE_S: Final = 3_600
_POOL_MAX_OVERFLOW: Final = 20
_POLL_MS: Final = 2_000
_BACKLOG: Final = 128
_KEEP_ALIVE_S: Final = 60


def serve(path: Path, *, workspace: Path) -> None:
    """Serve the instance of DAGSTER_HOME on a socket until SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_MAX_OVERFLOW)
        with WorkspaceProcessContext(
            instance, version=__version__, workspace_load_target=WorkspaceFileTarget(paths=[str(workspace)])
        ) as process:
            app = create_app_from_workspace_process_context(process, PREFIX, _POLL_MS)
            server = uvicorn.Server(
                uvicorn.Config(
                    app,
                    log_level="warning",
                    proxy_headers=False,
                    timeout_keep_alive=_KEEP_ALIVE_S,
                    timeout_graceful_shutdown=3,
                )
            )
            with _listening(path) as listener, suppress(KeyboardInterrupt):
                server.run(sockets=[listener])


def _listening(path: Path) -> socket.socket:
    # Not uvicorn's `uds`: it opens the socket to everyone (mode 0666), and only the folder would protect it.
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(_BACKLOG)
    return listener


if __name__ == "__main__":
    serve(Path(sys.argv[1]), workspace=Path(sys.argv[2]))
