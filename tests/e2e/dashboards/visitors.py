"""Visitors of the running dashboards: over HTTP with cookies, and over the websocket with Streamlit's protocol."""

import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from allive.dashboards.access import Principal, Role, grants, invitations, sessions
from allive.dashboards.access.grants import LOCAL_ISSUER
from allive.dashboards.access.store import Store, open_store
from allive.ingestion.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "un soir à l'Olympia"  # noqa: S105 - of accounts that live for a test
START_TIMEOUT_S = 60
_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
_addresses = (f"198.51.{a}.{b}" for a, b in itertools.product(range(256), range(1, 255)))


class Dashboards:
    """The server, its data home and its log."""

    def __init__(self, home: Path, port: int, log: Path, routes: list[dict[str, Any]]) -> None:
        self.home = home
        self.settings = Settings(home=home)
        self.url = f"http://127.0.0.1:{port}"
        self.stream = f"ws://127.0.0.1:{port}/_stcore/stream"
        self.routes = routes
        self._log = log
        self._visitors: list[Visitor] = []

    @property
    def store(self) -> Store:
        return open_store(self.settings)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def invite(self, name: str, *artist_ids: str, role: Role = Role.ARTIST) -> str:
        return invitations.invite(
            self.store, email=f"{name}@example.org", role=role, artist_ids=artist_ids, by="the tests"
        )

    def visitor(self, **headers: str) -> "Visitor":
        self._visitors.append(Visitor(self, headers))
        return self._visitors[-1]

    def send_everybody_home(self) -> None:
        """Close the connections of the visitors of a test."""
        while self._visitors:
            self._visitors.pop().http.close()

    def register(self, name: str, *artist_ids: str, role: Role = Role.ARTIST) -> "Visitor":
        """A visitor who was invited, has set a password and is signed in."""
        visitor = self.visitor()
        token = self.invite(name, *artist_ids, role=role)
        answer = visitor.post_form(f"/invitation/{token}", password=PASSWORD, again=PASSWORD)
        assert answer.status_code == 303, answer.text
        return visitor

    def enter(self, name: str, *artist_ids: str, role: Role = Role.ARTIST) -> "Visitor":
        """A signed-in visitor with a grant but no password, since hashing one would take time."""
        self.grant(name, *artist_ids, role=role)
        visitor = self.visitor()
        token = sessions.open_session(self.store, issuer=LOCAL_ISSUER, subject=name, address="::1", method="tests")
        visitor.http.cookies.set("allive", token, domain="127.0.0.1")
        return visitor

    def grant(self, name: str, *artist_ids: str, role: Role = Role.ARTIST) -> None:
        principal = Principal(
            issuer=LOCAL_ISSUER, subject=name, name=f"{name}@example.org", role=role, artist_ids=artist_ids
        )
        grants.put_grant(self.store, principal, by="the tests")

    def subject_of_account(self, name: str) -> str:
        with self.store.reading() as connection:
            row = connection.execute(
                "select account_id from accounts where email = ?", (f"{name}@example.org",)
            ).fetchone()
        return str(row["account_id"])


class Visitor:
    """A browser without JavaScript: it keeps cookies, sends an Origin with every form, and has its own address."""

    def __init__(self, dashboards: Dashboards, headers: Mapping[str, str]) -> None:
        self.dashboards = dashboards
        self.http = httpx.Client(
            base_url=dashboards.url,
            headers={"Accept": "text/html", "X-Forwarded-For": next(_addresses), **headers},
            trust_env=False,
            timeout=20,
        )

    @property
    def cookie(self) -> str:
        """The session's token."""
        return self.http.cookies["allive"]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(path, headers=headers)

    def form_token(self, path: str) -> str:
        found = _TOKEN.search(self.http.get(path).text)
        assert found, f"no form at {path}"
        return found[1]

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        return self.http.post(path, data=dict(fields), headers={"Origin": self.dashboards.url, **headers})

    def post_json(self, path: str, query: str, **headers: str) -> httpx.Response:
        """Send a GraphQL query as a script on our own page does."""
        return self.http.post(path, json={"query": query}, headers={"Origin": self.dashboards.url, **headers})

    def post_form(self, path: str, **fields: str) -> httpx.Response:
        return self.post(path, {"token": self.form_token(path), **fields})

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.post_form("/sign-in", email=f"{name}@example.org", password=password)

    def sign_out(self) -> None:
        assert self.post_form("/sign-out").status_code == 303

    @contextmanager
    def page(self, **options: Any) -> Iterator["Page"]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        with open_page(self.dashboards, cookie=cookie, **options) as page:
            yield page


class Page:
    """A page's live connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.fragments: list[str] = []
        self.session_id = ""

    def run(self, *, query: str = "", fragment: str = "", widgets: Mapping[str, str] | None = None) -> str:
        """Request a rerun and return all messages received for it, as text."""
        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.fragment_id = fragment
        for identity, value in (widgets or {}).items():
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = identity, value
        self.connection.send(asked.SerializeToString())
        return self.read()

    def send(self, message: BackMsg) -> None:
        self.connection.send(message.SerializeToString())

    def read(self, *, timeout_s: float = 15) -> str:
        received = []
        deadline = time.monotonic() + timeout_s
        while True:
            data = self.connection.recv(timeout=max(deadline - time.monotonic(), 0.01))
            assert isinstance(data, bytes)
            message = ForwardMsg()
            message.ParseFromString(data)
            if message.WhichOneof("type") == "new_session":
                self.session_id = message.new_session.initialize.session_id
            if message.delta.fragment_id and message.delta.fragment_id not in self.fragments:
                self.fragments.append(message.delta.fragment_id)
            received.append(str(message))
            if message.WhichOneof("type") == "script_finished":
                return "\n".join(received)

    def is_closed_within(self, seconds: float) -> int | None:
        """Wait for the server to close; return its close code, or None if it did not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.connection.recv(timeout=max(deadline - time.monotonic(), 0.01))
            except TimeoutError:
                return None
            except ConnectionClosed as end:
                return end.rcvd.code if end.rcvd else 1006
        return None


@contextmanager
def open_page(
    dashboards: Dashboards,
    *,
    cookie: str = "",
    origin: str | None = "",
    headers: Sequence[tuple[str, str]] = (),
    subprotocols: Sequence[str] = ("streamlit",),
) -> Iterator[Page]:
    """Open the websocket as anyone could; with `origin=None`, no Origin is sent.

    Raises:
        websockets.exceptions.InvalidStatus: The gate refused the handshake.
    """
    sent = [*headers, *([("Cookie", cookie)] if cookie else [])]
    with connect(
        dashboards.stream,
        origin=dashboards.url if origin == "" else origin,  # type: ignore[arg-type]
        additional_headers=sent,
        subprotocols=list(subprotocols),  # type: ignore[arg-type]
        max_size=None,
        proxy=None,
    ) as connection:
        yield Page(connection)


@contextmanager
def running_dashboards(
    home: Path, *, script: Path, aside: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Dashboards]:
    """Serve a data home on a free loopback port until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log, routes = aside / "dashboards.log", aside / "routes.json"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.dashboards.served", str(port), str(script), str(routes)],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "ALLIVE_HOME": str(home),
                "ALLIVE_TRUSTED_PROXIES": "127.0.0.1",
                **(environment or {}),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_up(server, port, log)
        yield Dashboards(home, port, log, json.loads(routes.read_text(encoding="utf-8")))
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_up(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"the dashboards did not start:\n{log.read_text(encoding='utf-8')}")
