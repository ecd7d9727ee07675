"""Attacks on the orchestrator of a running service; docs/security.md names each of them.

Each would start a run on Dagster's own web server if it listened on a port. Afterwards, Dagster's storage must have no
run.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from allive.dashboards.access import Role
from allive.dashboards.gate.orchestrator import ANSWER_WITHIN_S
from tests.access_store import revoke_grant
from tests.e2e.dashboards.visitors import ROOT, Dashboards, Visitor

START_TIMEOUT_S = 1200
WITHIN_S = 30
NOBODY = 65_534
SELECTOR = '{repositoryLocationName: "allive", repositoryName: "__repository__", pipelineName: "republish"}'
LAUNCH = (
    f'mutation {{ launchPipelineExecution(executionParams: {{selector: {SELECTOR}, mode: "default", '
    "runConfigData: {}}) { __typename ... on PythonError { message } } }"
)
READ = "query { version runsOrError { __typename ... on Runs { results { id } } } }"
# As a form on another site can send it: a JSON body declared as `text/plain`.
AS_JSON = json.dumps({"query": LAUNCH})
# `allive` with more time to start, for a busy machine, which Ctrl-C stops even if these tests run in the background.
PATIENT = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from allive.orchestration import cli, service
service.START_TIMEOUT_S = {START_TIMEOUT_S}
cli.main()
"""
ANOTHER_USER = """
import json, os, pathlib, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
home, ports = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
found = {"home": sorted(os.listdir(home)), "answers": {}}
for path in json.loads(sys.argv[3]):
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
        found["answers"][path] = "connected"
    except OSError as error:
        found["answers"][path] = type(error).__name__
try:
    found["run"] = sorted(os.listdir(home / "run"))
except OSError as error:
    found["run"] = type(error).__name__
try:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).bind(str(home / "run" / "planted.sock"))
    found["planted"] = "bound"
except OSError as error:
    found["planted"] = type(error).__name__
print(json.dumps(found))
"""


class Service(Dashboards):
    """`allive up` on its own data home."""

    def __init__(self, home: Path, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        super().__init__(home, port, log, [])
        self.port = port
        self.process = process

    def runs(self) -> int:
        """The number of runs in Dagster's storage, read directly from its database."""
        path = self.home / "dagster" / "history" / "runs.db"
        if not path.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WITHIN_S)) as storage:
            # Without scheduled runs: a schedule can fall due during the tests.
            rows = storage.execute("select count(*) from runs where pipeline_name = 'republish'")
            return int(rows.fetchone()[0])

    def operator(self, name: str = "operator") -> Visitor:
        return self.enter(name, role=Role.OPERATOR)

    def processes(self) -> list[int]:
        """The service's process and all its descendants."""
        parents = {}
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found)

    def listens(self) -> tuple[set[int], set[str]]:
        """The ports and the Unix sockets on which a process of the service listens."""
        inodes = set()
        for process in self.processes():
            with contextlib.suppress(OSError):
                for link in Path(f"/proc/{process}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        target = str(link.readlink())
                        if target.startswith("socket:["):
                            inodes.add(target[8:-1])
        ports = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
        # Flags 00010000: the socket accepts connections.
        lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
        paths = {(line[7] if len(line) > 7 else "") for line in lines if line[3] == "00010000" and line[6] in inodes}
        return ports, paths


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # Not in pytest's private folders, where no other user could reach the data home.
    home = Path(tempfile.mkdtemp(prefix="allive-e2e-"))
    home.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("aside") / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PATIENT, "up", "--dashboards-port", str(port)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ALLIVE_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while b"Operators find the orchestrator" not in log.read_bytes():
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        yield Service(home, port, log, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_is_launched(service: Service, request: pytest.FixtureRequest) -> Iterator[None]:
    before = service.runs()
    yield
    service.send_everybody_home()
    if "as_she_should" not in request.node.name:
        assert service.runs() == before


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert '"data"' not in answer.text
    assert "__typename" not in answer.text


def test_only_the_gate_can_be_reached(service: Service) -> None:
    ports, paths = service.listens()
    assert ports == {service.port}
    assert len(paths) >= 3
    run = str(service.home / "run")
    assert {str(Path(path).parent) for path in paths} == {run}
    assert (service.home / "run").stat().st_mode & 0o777 == 0o700
    workspace = (service.home / "dagster" / "workspace.yaml").read_text(encoding="utf-8")
    assert "port" not in workspace


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost:3000", None]
)
def test_another_origin_launches_nothing(service: Service, origin: str | None) -> None:
    operator = service.operator()
    headers = {} if origin is None else {"Origin": origin}
    for query in (LAUNCH, READ):
        assert_refused(operator.http.post("/operations/graphql", json={"query": query}, headers=headers), 403)
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = operator.http.options("/operations/graphql", headers={**headers, **preflight})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_the_browser_calls_foreign_launches_nothing(service: Service, site: str) -> None:
    answer = service.operator().post_json("/operations/graphql", LAUNCH, **{"Sec-Fetch-Site": site})
    assert_refused(answer, 403)


@pytest.mark.parametrize("path", ["/operations/graphql", "/operations/graphql/", "/operations//graphql", "/graphql"])
def test_a_get_launches_nothing(service: Service, path: str) -> None:
    operator = service.operator()
    for accept in ("*/*", "text/html", "application/json"):
        for method in ("GET", "HEAD"):
            answer = operator.http.request(method, path, params={"query": LAUNCH}, headers={"Accept": accept})
            assert '"data"' not in answer.text
            assert "LaunchRunSuccess" not in answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", AS_JSON),
        ("text/plain;charset=application/json", AS_JSON),
        ("application/x-www-form-urlencoded", "query=" + LAUNCH),
        (
            "multipart/form-data; boundary=x",
            f'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{LAUNCH}\r\n--x--',
        ),
        ("application/graphql", LAUNCH),
        ("", AS_JSON),
    ],
)
def test_a_form_launches_nothing(service: Service, content_type: str, body: str) -> None:
    operator = service.operator()
    for origin in ("https://evil.example", service.url):
        headers = {"Origin": origin, **({"Content-Type": content_type} if content_type else {})}
        answer = operator.http.post("/operations/graphql", content=body, headers=headers, params={"query": LAUNCH})
        assert_refused(answer, 403, 415)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", "127.0.0.1", ""])
def test_a_host_that_is_bound_anew_launches_and_reads_nothing(service: Service, host: str) -> None:
    cookie = service.operator().cookie
    for request in (
        f"POST /operations/graphql HTTP/1.1\r\nContent-Length: {len(AS_JSON)}",
        "GET /operations/ HTTP/1.1",
    ):
        lines = [
            f"Host: {host}",
            f"Origin: http://{host}",
            "Content-Type: application/json",
            f"Cookie: allive={cookie}",
        ]
        with socket.create_connection(("127.0.0.1", service.port), timeout=WITHIN_S) as connection:
            text = "\r\n".join([request, *lines, "Connection: close", "", ""])
            connection.sendall((text + (AS_JSON if "POST" in request else "")).encode())
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert int(answer.split()[1]) in {400, 421}
        assert b'"data"' not in answer
        assert b"Dagster" not in answer


@pytest.mark.parametrize("role", [None, Role.ARTIST, Role.MANAGEMENT, Role.FINANCE])
def test_whoever_is_no_operator_launches_and_reads_nothing(service: Service, role: Role | None) -> None:
    expected = 401 if role is None else 404
    artists = ("mina",) if role is Role.ARTIST else ()
    visitor = service.visitor() if role is None else service.enter(f"{role}-prying", *artists, role=role)
    for query in (LAUNCH, READ):
        assert_refused(visitor.post_json("/operations/graphql", query), expected)
    for path in ("/operations/", "/operations/server_info", "/operations/runs", "/orders"):
        answer = visitor.http.get(path, headers={"Accept": "*/*"})
        assert answer.status_code == expected
        assert "Dagster" not in answer.text
    order = visitor.http.post("/orders", data={"month": "2021-02"}, headers={"Origin": service.url})
    assert order.status_code == expected
    assert not (service.home / "payouts" / "audit.ndjson").exists()


def handshake(service: Service, cookie: str, *, origin: str | None = "", **headers: str):
    return connect(
        f"ws://127.0.0.1:{service.port}/operations/graphql",
        origin=service.url if origin == "" else origin,  # type: ignore[arg-type]
        subprotocols=["graphql-ws"],  # type: ignore[list-item]
        additional_headers={"Cookie": f"allive={cookie}", **headers},
        open_timeout=WITHIN_S,
        proxy=None,
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
def test_a_websocket_of_another_site_is_not_opened(service: Service, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, handshake(service, service.operator().cookie, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_launches_nothing_and_is_closed_with_the_right_to_it(service: Service) -> None:
    for role in (Role.ARTIST, Role.MANAGEMENT, Role.FINANCE):
        artists = ("mina",) if role is Role.ARTIST else ()
        cookie = service.enter(f"{role}-listening", *artists, role=role).cookie
        with pytest.raises(InvalidStatus), handshake(service, cookie):
            pass
    cookie = service.operator("listening").cookie
    with handshake(service, cookie) as stream:
        stream.send(json.dumps({"type": "start", "id": "1", "payload": {"query": LAUNCH}}))
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=WITHIN_S)
    with handshake(service, cookie) as stream:
        stream.send(json.dumps({"type": "connection_init"}))
        assert json.loads(stream.recv(timeout=WITHIN_S)) == {"type": "connection_ack"}
        assert revoke_grant(service.store, issuer="allive", subject="listening", by="the tests")
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(timeout=WITHIN_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; run the tests as root to try this")
def test_another_user_of_the_machine_reaches_nothing(service: Service) -> None:
    # The data home itself is readable by all, as a careless operator might leave it: the sockets' folder must suffice.
    service.home.chmod(0o755)
    _, paths = service.listens()
    told = subprocess.run(
        [sys.executable, "-c", ANOTHER_USER, str(service.home), json.dumps([service.port]), json.dumps(sorted(paths))],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    ).stdout
    found = json.loads(told)
    assert "run" in found["home"]
    assert found["run"] == found["planted"] == "PermissionError"
    assert len(found["answers"]) >= 3
    assert set(found["answers"].values()) == {"PermissionError"}
    # The port does not help either: it is the gate's.
    assert_refused(service.visitor().post_json("/operations/graphql", LAUNCH), 401)


def test_events_of_assets_cannot_be_made_up(service: Service) -> None:
    operator = service.operator()
    for path in (
        "report_asset_materialization/marts/fct_x",
        "report_asset_check/marts/fct_x",
        "report_asset_observation/x",
    ):
        answer = operator.http.post(f"/operations/{path}", json={}, headers={"Origin": service.url})
        assert answer.status_code == 404


def test_an_order_to_close_is_taken_from_our_own_form_alone(service: Service) -> None:
    operator, attacker = service.operator("ordering"), service.operator("attacking")
    stolen = attacker.form_token("/orders")
    token = operator.form_token("/orders")
    for headers, fields in (
        ({"Origin": "https://evil.example"}, {"token": token}),
        ({"Origin": service.url, "Sec-Fetch-Site": "cross-site"}, {"token": token}),
        ({}, {"token": token}),
        ({"Origin": service.url}, {"token": stolen}),
        ({"Origin": service.url}, {}),
    ):
        answer = operator.http.post("/orders", data={"month": "2021-02", **fields}, headers=headers)
        assert answer.status_code == 403
    operator.http.get("/orders", params={"month": "2021-02", "token": token})
    assert not (service.home / "payouts" / "audit.ndjson").exists()
    answer = operator.post("/orders", {"token": token, "month": "2021-02", "operator": "another person"})
    assert answer.status_code == 303
    (line,) = (service.home / "payouts" / "audit.ndjson").read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["action"], told["operator"], told["origin"]) == ("order_close", "allive ordering", "gate")


def test_an_operator_reads_and_launches_as_she_should(service: Service) -> None:
    """Without this test, the others would pass even if the orchestrator were down."""
    operator = service.operator("working")
    # The first request makes the orchestrator load its code location.
    operator.http.timeout = httpx.Timeout(2 * ANSWER_WITHIN_S)
    page = operator.http.get("/operations/")
    assert page.status_code == 200
    assert "<title" in page.text
    assert "Dagster" in page.text
    answers = (operator.post_json("/operations/graphql", READ) for _ in range(3))
    answer = next(answer for answer in answers if answer.status_code != 504)
    assert answer.json()["data"]["runsOrError"] == {"__typename": "Runs", "results": []}
    answer = operator.post_json("/operations/graphql", LAUNCH)
    assert answer.json() == {"data": {"launchPipelineExecution": {"__typename": "LaunchRunSuccess"}}}
    assert service.runs() == 1


def test_the_sockets_go_with_the_service(service: Service) -> None:
    run = service.home / "run"
    service.process.send_signal(signal.SIGINT)
    service.process.wait(120)
    assert not run.exists()
