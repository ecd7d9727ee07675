"""The service: Dagster's code server, web server and daemon, and the dashboards, as children of one process.

Only the dashboards listen on a port. The other processes use Unix sockets in a private folder, and operators reach them
through the gate of the dashboards.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from allive.dashboards.addresses import PREFIX
from allive.ingestion.settings import Settings
from allive.ingestion.sockets import (
    CODE_SERVER,
    WEB_SERVER,
    SocketFolderError,
    make_socket_folder,
    remove_socket_folder,
)
from allive.orchestration import progress
from allive.orchestration.instance import write_instance_settings
from allive.orchestration.ports import HOST, why_taken

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 30
_LOOK_EVERY_S = 0.2


class ServiceError(RuntimeError):
    """The service did not start, or a part of it stopped by itself."""


@contextmanager
def running_service(settings: Settings, *, dashboards_port: int) -> Iterator["Service"]:
    """Reserve the service of a data home, for `start` and `wait`; stop all of it at the end.

    Raises:
        ServiceError: The port is taken, another service runs on the data home, or a part did not start.
    """
    _require_free(dashboards_port, option="--dashboards-port")
    write_instance_settings(settings)
    lock = FileLock(settings.dagster_dir / ".service.lock", timeout=0)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except Timeout:
            raise ServiceError(
                f"A service already runs on {settings.home}; expected none. Stop it first (Ctrl-C in its terminal)."
            ) from None
        try:
            sockets = make_socket_folder(settings)
        except (OSError, SocketFolderError) as error:
            raise ServiceError(f"Cannot make a private folder for the service's sockets: {error}") from None
        stack.callback(remove_socket_folder, settings)
        service = Service(settings, sockets=sockets, dashboards_port=dashboards_port)
        stack.callback(service.stop)
        stack.enter_context(_sigterm_as_ctrl_c())
        yield service


class Service:
    """The four processes and their logs (`logs/service-*.log`)."""

    def __init__(self, settings: Settings, *, sockets: Path, dashboards_port: int) -> None:
        self.dashboards_address = settings.public_url or f"http://{HOST}:{dashboards_port}"
        self.address = f"{self.dashboards_address}{PREFIX}"
        self._settings = settings
        self._sockets = sockets
        self._dashboards_port = dashboards_port
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []

    def start(self) -> None:
        """Start the code server, then its clients. Return when the web server and the dashboards answer."""
        code_server, web_server = self._sockets / CODE_SERVER, self._sockets / WEB_SERVER
        progress.tell("starting the dashboards and the code server")
        self._spawn("dashboards", "-m", "allive.orchestration.cli", "dashboards", "--port", str(self._dashboards_port))
        self._spawn(
            "code-server",
            *("-m", "dagster", "code-server", "start", "--socket", str(code_server)),
            *("--module-name", "allive.orchestration.definitions", "--location-name", "allive"),
            "--use-python-environment-entry-point",
            # The socket of its own child goes into the temporary folder, where another user could create it first.
            TMPDIR=str(self._sockets),
        )
        self._wait_for("code-server", lambda: _listens(code_server))
        workspace = self._write_workspace(code_server)
        progress.tell("starting the web server and the daemon")
        self._spawn("web-server", "-m", "allive.orchestration.web_server", str(web_server), str(workspace))
        self._spawn("daemon", "-m", "dagster._daemon", "run", "--workspace", str(workspace))
        self._wait_for("web-server", lambda: _listens(web_server))
        self._wait_for("dashboards", lambda: _listens((HOST, self._dashboards_port)))

    def wait(self) -> None:
        """Wait until a part of the service stops by itself.

        Raises:
            ServiceError: A part stopped.
        """
        while True:
            self._require_all_running()
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Stop the clients, then the code server, which lets a run finish its step."""
        for name in ("dashboards", "web-server", "daemon", "code-server"):
            child = self._children.get(name)
            if child is None or child.poll() is not None:
                continue
            child.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_TIMEOUT_S)
            # Its children too: the code server's child would continue until it misses a heartbeat.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for log in self._logs:
            log.close()

    def _spawn(self, name: str, *arguments: str, **environment: str) -> None:
        log = self._log_path(name).open("ab")
        self._logs.append(log)
        with _interruptible_children():
            self._children[name] = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                [sys.executable, *arguments],
                cwd=self._settings.dagster_dir,
                env={
                    **os.environ,
                    "ALLIVE_HOME": str(self._settings.home),
                    "DAGSTER_HOME": str(self._settings.dagster_dir),
                    **environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches only this process, which stops its children in order.
                start_new_session=True,
            )

    def _log_path(self, name: str) -> Path:
        folder = self._settings.home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"service-{name}.log"

    def _write_workspace(self, code_server: Path) -> Path:
        path = self._settings.dagster_dir / "workspace.yaml"
        path.write_text(
            f"load_from:\n  - grpc_server:\n      socket: {code_server}\n      location_name: allive\n",
            encoding="utf-8",
        )
        return path

    def _wait_for(self, name: str, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_up():
            self._require_all_running()
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"The {name} did not answer within {START_TIMEOUT_S} s. Its log: {self._log_path(name)}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _require_all_running(self) -> None:
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                raise ServiceError(
                    f"The {name} stopped by itself (exit code {code}); expected it to run. "
                    f"Its log: {self._log_path(name)}"
                )


@contextmanager
def _interruptible_children() -> Iterator[None]:
    """Let child processes take the signal that stops them, also in a service that a script started in its background.

    Such a process ignores SIGINT, and so would its children: each would be killed when its time is up.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let a service manager's SIGTERM stop the service as cleanly as Ctrl-C."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _require_free(port: int, *, option: str) -> None:
    reason = why_taken(port)
    if reason is not None:
        raise ServiceError(
            f"Port {port} is taken ({reason}); expected a free one. Try `allive up {option} {port + 1}`."
        )


def _listens(address: Path | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(address) if isinstance(address, Path) else address) == 0
