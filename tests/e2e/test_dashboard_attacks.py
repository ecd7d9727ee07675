"""Attacks on the running dashboards over raw HTTP and websockets; docs/security.md names each of them.

Most target a page that is careless on purpose (`dashboards/victim.py`): the gate and the query layer must protect what
it would give away.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus

from allive.dashboards.access import Role
from allive.dashboards.access.tokens import token_hash
from tests.access_store import AuditLine, audit_lines, revoke_grant
from tests.e2e.dashboards.visitors import PASSWORD, Dashboards, open_page, running_dashboards
from tests.unit.dashboards.serving_copies import write_home

MONTH = "2021-02"
STATEMENTS = {"mina": b"%PDF MINA-ONLY", "zoe": b"%PDF ZOE-ONLY"}
REFUSED = {400, 401, 403, 404, 405, 410, 421}
SECONDS_TO_CLOSE = 6
VICTIM = Path(__file__).parent / "dashboards" / "victim.py"


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboards]:
    home = tmp_path_factory.mktemp("home")
    write_home(
        home,
        dim_artists=[{"artist_id": artist_id, "artist_name": artist_id.title()} for artist_id in ("mina", "zoe")],
        artist_payouts=[
            {"settlement_month": MONTH, "artist_id": "mina", "artist_name": "Mina", "earned_cents": 111_111},
            {"settlement_month": MONTH, "artist_id": "zoe", "artist_name": "Zoe", "earned_cents": 222_222},
        ],
    )
    statements = home / "payouts" / MONTH / "statements"
    statements.mkdir(parents=True)
    for artist_id in ("mina", "zoe"):
        (statements / f"{artist_id}.pdf").write_bytes(STATEMENTS[artist_id])
    (home / "payouts" / MONTH / "control.json").write_text("SECRET-CONTROL", encoding="utf-8")
    data_docs = home / "serving" / "data_docs"
    data_docs.mkdir()
    (data_docs / "index.html").write_text("<p>DATA-DOCS</p>", encoding="utf-8")
    (home / "serving" / "other.html").write_text("SECRET-CONTROL", encoding="utf-8")
    (data_docs / "link.html").symlink_to(home / "serving" / "other.html")
    (data_docs / "folder.html").mkdir()
    (data_docs / "bytes.html").write_bytes(b"\xff\xfe")
    with running_dashboards(home, script=VICTIM, aside=tmp_path_factory.mktemp("aside")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nobody_stays(dashboards: Dashboards) -> Iterator[None]:
    yield
    dashboards.send_everybody_home()


def refused_handshake(dashboards: Dashboards, **options: object) -> int:
    with pytest.raises(InvalidStatus) as refusal, open_page(dashboards, **options):  # type: ignore[arg-type]
        pass
    return refusal.value.response.status_code


def test_no_route_of_streamlit_answers_a_stranger(dashboards: Dashboards) -> None:
    sample = {"file_id": "0.svg", "session_id": "a", "path": "x/y.js"}
    paths = {
        re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: sample[found[1]], route["path"]) for route in dashboards.routes
    }
    static = Path(httpx.__file__).parents[1] / "streamlit" / "static"
    paths |= {f"/static/{folder}/{next((static / 'static' / folder).iterdir()).name}" for folder in ("js", "css")}
    paths |= {"/", "/index.html", "/manifest.json", "/favicon.png", "/app/static/icon.svg", "/metrics", "/media/a.csv"}
    paths |= {f"/files/statements/{MONTH}/mina.pdf", "/files/exports/x.csv", "/files/data-docs/index.html"}
    paths |= {"/auth/login", "/oauth2callback"}
    assert {"/_stcore/health", "/_stcore/metrics", "/_stcore/upload_file/a/0.svg"} <= paths
    stranger = dashboards.visitor(Accept="*/*")
    for path, method in itertools.product(sorted(paths), ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")):
        answer = stranger.http.request(method, path)
        if path.startswith("/files/") and method not in {"GET", "HEAD"}:
            assert answer.status_code == 404
            continue
        assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
        assert answer.text in {"", "Sign in first.\n"}
        assert "set-cookie" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "//_stcore/health",
        "/./_stcore/health",
        "/sign-in/../_stcore/health",
        "/gate/../_stcore/health",
        "/gate/%2e%2e/_stcore/health",
        "/sign-in%2f..%2f_stcore%2fhealth",
        "/%5fstcore/health",
        "/_stcore/health;sign-in",
        "/_stcore/health?next=/sign-in",
        "/_STCORE/health",
        "/_stcore/health/",
        "/gate/../static/js/",
        "/gate/%2e%2e%2fapp.py",
        "/gate/..%5capp.py",
        "/gate/session.js/../../app.py",
        "/invitation/x/../../_stcore/health",
        "/language/fr/../../_stcore/health",
        "/\x00_stcore/health",
    ],
)
def test_no_spelling_of_a_path_gets_by(dashboards: Dashboards, path: str) -> None:
    answer = raw_request(dashboards, f"GET {path} HTTP/1.1")
    assert int(answer.split()[1]) in REFUSED, answer[:200]
    assert b"ok" not in answer.partition(b"\r\n\r\n")[2][:2]
    assert b"import " not in answer


def raw_request(dashboards: Dashboards, request_line: str, *headers: str) -> bytes:
    import socket  # noqa: PLC0415 - well-behaved clients would normalise the path

    host = dashboards.url.removeprefix("http://")
    name, port = host.split(":")
    lines = [request_line, *(headers or (f"Host: {host}",)), "Connection: close", "", ""]
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_a_page_sends_a_stranger_to_the_sign_in(dashboards: Dashboards) -> None:
    answer = dashboards.visitor().get("/earnings?artist=zoe")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fearnings%3Fartist%3Dzoe"


def test_a_stranger_gets_no_live_connection(dashboards: Dashboards) -> None:
    assert refused_handshake(dashboards) == 403
    assert refused_handshake(dashboards, cookie="allive=; allive=x") == 403


def test_a_copied_cookie_is_worth_nothing_after_the_sign_out(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-out", "mina")
    cookie = mina.cookie
    with mina.page() as page:
        assert "EARNED-mina-111111" in page.run()
        mina.sign_out()
        assert page.is_closed_within(SECONDS_TO_CLOSE) == 4401
    thief = dashboards.visitor(Cookie=f"allive={cookie}")
    assert thief.get("/", Accept="*/*").status_code == 401
    assert thief.get(f"/files/statements/{MONTH}/mina.pdf", Accept="*/*").status_code == 401
    assert refused_handshake(dashboards, cookie=f"allive={cookie}") == 403


def test_a_tampered_cookie_opens_nothing(dashboards: Dashboards) -> None:
    token = dashboards.enter("mina-tampered", "mina").cookie
    with dashboards.store.reading() as connection:
        (reference,) = connection.execute(
            "select reference from sessions where token_hash = ?", (token_hash(token),)
        ).fetchone()
    forged = [token[:-1], token + "A", token.swapcase(), token[::-1], "", "null", "0" * 43, "' or 1=1 --", reference]
    forged += [token_hash(token).hex(), base64.urlsafe_b64encode(token_hash(token)).decode().rstrip("=")]
    forged += [token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :] for index in range(0, 42, 7)]
    for value in forged:
        answer = dashboards.visitor(Cookie=f"allive={value}").get("/", Accept="*/*")
        assert answer.status_code == 401, value
        assert refused_handshake(dashboards, cookie=f"allive={value}") == 403


def test_a_planted_cookie_is_not_taken_over(dashboards: Dashboards) -> None:
    dashboards.register("mina-fixed", "mina")
    victim = dashboards.visitor()
    victim.http.cookies.set("allive", "planted-by-the-attacker", domain="127.0.0.1")
    assert victim.sign_in("mina-fixed").status_code == 303
    issued = [value for value in victim.http.cookies.jar if value.name == "allive"]
    assert "planted-by-the-attacker" not in {cookie.value for cookie in issued if cookie.path == "/"} or len(issued) > 1
    attacker = dashboards.visitor(Cookie="allive=planted-by-the-attacker")
    assert attacker.get("/", Accept="*/*").status_code == 401


def test_signing_in_again_ends_the_session_before(dashboards: Dashboards) -> None:
    mina = dashboards.register("mina-twice", "mina")
    before = mina.cookie
    # Like a form left open in another tab: the page itself would redirect a signed-in visitor.
    other = dashboards.visitor()
    token = other.form_token("/sign-in")
    assert mina.post("/sign-in", {"token": token, "email": "x", "password": "y"}).status_code == 403
    mina.sign_out()
    assert mina.sign_in("mina-twice").status_code == 303
    assert mina.cookie != before
    assert dashboards.visitor(Cookie=f"allive={before}").get("/", Accept="*/*").status_code == 401


def test_the_browser_keeps_the_session_from_scripts_and_other_sites(dashboards: Dashboards) -> None:
    visitor = dashboards.visitor()
    token = dashboards.invite("mina-cookie", "mina")
    answer = visitor.post_form(f"/invitation/{token}", password=PASSWORD, again=PASSWORD)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("allive="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_the_store_and_the_log_hold_no_secret(dashboards: Dashboards) -> None:
    invitation = dashboards.invite("mina-stored", "mina")
    visitor = dashboards.visitor()
    visitor.post_form(f"/invitation/{invitation}", password=PASSWORD, again=PASSWORD)
    visitor.post_form("/sign-out")
    visitor.sign_in("mina-stored", "a wrong but revealing password")
    visitor.sign_in("mina-stored")
    written = b"".join(path.read_bytes() for path in dashboards.settings.access_dir.iterdir())
    for secret in (invitation, visitor.cookie, PASSWORD, "revealing password"):
        assert secret.encode() not in written
        assert secret not in dashboards.log
    assert dashboards.settings.access_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in dashboards.settings.access_dir.iterdir()} == {0o600}


def test_identity_headers_of_the_client_are_not_believed(dashboards: Dashboards) -> None:
    zoe = dashboards.enter("zoe-spoofed", "zoe")
    with dashboards.store.reading() as connection:
        (reference,) = connection.execute(
            "select reference from sessions where token_hash = ?", (token_hash(zoe.cookie),)
        ).fetchone()
    spellings = ["X-Allive-Session", "x-allive-session", "X_Allive_Session", "X-ALLIVE_SESSION", "X-Allive_session"]
    spoofed = [(name, reference) for name in spellings]
    assert refused_handshake(dashboards, headers=spoofed) == 403
    for name, value in spoofed:
        assert dashboards.visitor(**{name: value}).get("/", Accept="*/*").status_code == 401
    mina = dashboards.enter("mina-spoofing", "mina")
    with mina.page(headers=[*spoofed, ("X-Streamlit-User", "zoe"), ("Remote-User", "zoe")]) as page:
        shown = page.run()
    assert "I-AM mina-spoofing@example.org" in shown
    assert "EARNED-zoe" not in shown
    assert "Remote-User" not in shown
    assert "remote-user" not in shown


def test_another_sessions_page_cannot_be_taken_over(dashboards: Dashboards) -> None:
    zoe, mina = dashboards.enter("zoe-taken", "zoe"), dashboards.enter("mina-taking", "mina")
    with zoe.page() as hers:
        assert "EARNED-zoe-222222" in hers.run()
        with mina.page(subprotocols=("streamlit", "x", hers.session_id)) as page:
            shown = page.run()
            assert page.session_id != hers.session_id
    with mina.page(subprotocols=("streamlit", "x", hers.session_id)) as page:
        shown += page.run()
    assert "I-AM mina-taking@example.org" in shown
    assert "EARNED-zoe" not in shown


def test_two_artists_see_nothing_of_each_other_through_any_cache(dashboards: Dashboards) -> None:
    mina, zoe = dashboards.enter("mina-cached", "mina"), dashboards.enter("zoe-cached", "zoe")
    for _ in range(3):
        for visitor, own, other in ((mina, "mina", "zoe"), (zoe, "zoe", "mina")):
            with visitor.page() as page:
                shown = page.run() + page.run()
            assert f"EARNED-{own}" in shown
            assert f"EARNED-{other}" not in shown


def test_another_artists_statement_stays_closed(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-files", "mina")
    own = mina.get(f"/files/statements/{MONTH}/mina.pdf")
    assert own.content == STATEMENTS["mina"]
    assert own.headers["cache-control"] == "no-store"
    assert own.headers["content-disposition"] == f'attachment; filename="allive-{MONTH}-mina.pdf"'
    other, missing = (mina.get(f"/files/statements/{MONTH}/{artist}.pdf") for artist in ("zoe", "nobody"))
    assert (other.status_code, missing.status_code) == (404, 404)
    # The answers do not reveal whether there is such a statement.
    assert other.text == missing.text
    events = [(line.event, line.details.get("artist_id")) for line in lines_of(dashboards, "mina-files")]
    assert events[:3] == [("statement_refused", "nobody"), ("statement_refused", "zoe"), ("statement_read", "mina")]


@pytest.mark.parametrize("role", [Role.MANAGEMENT, Role.FINANCE])
@pytest.mark.parametrize(
    "path",
    [
        f"{MONTH}/../control.json",
        f"{MONTH}/..%2fcontrol.json",
        f"{MONTH}/..%2fcontrol.json%00.pdf",
        f"{MONTH}/%2e%2e%2f%2e%2e%2f{MONTH}%2fstatements%2fmina.pdf",
        "..%2f..%2faccess/access.sqlite3.pdf",
        "%2e%2e/access.pdf",
        "2021-02%2fstatements/mina.pdf",
        "2021-99/mina.pdf",
        f"{MONTH}/mina.pdf%00.pdf",
        f"{MONTH}/MINA.pdf",
        f"{MONTH}/C:%5cwindows.pdf",
    ],
)
def test_no_path_leads_out_of_the_statements(dashboards: Dashboards, role: Role, path: str) -> None:
    visitor = dashboards.enter(f"{role}-paths", role=role)
    answer = raw_request(
        dashboards,
        f"GET /files/statements/{path} HTTP/1.1",
        f"Host: {dashboards.url.removeprefix('http://')}",
        f"Cookie: allive={visitor.cookie}",
    )
    assert int(answer.split()[1]) == 404
    assert b"SECRET-CONTROL" not in answer
    assert b"%PDF" not in answer


def test_data_docs_are_only_for_those_who_see_the_platform(dashboards: Dashboards) -> None:
    manager = dashboards.enter("manager-data-docs", role=Role.MANAGEMENT)
    index = manager.get("/files/data-docs/index.html")
    assert (index.status_code, index.text) == (200, "<p>DATA-DOCS</p>")
    assert index.headers["cache-control"] == "no-store"
    policy = index.headers["content-security-policy"]
    assert "default-src 'none'" in policy, "the pages are drawn by another program"
    assert "script-src" not in policy
    mina = dashboards.enter("mina-data-docs", "mina")
    refused, missing = (mina.get(f"/files/data-docs/{name}.html") for name in ("index", "nothing"))
    assert (refused.status_code, missing.status_code) == (404, 404)
    assert refused.text == missing.text
    assert dashboards.visitor(Accept="*/*").get("/files/data-docs/index.html").status_code == 401
    for name in (
        *("..%2fother", "%2e%2e%2fother", "../other", "index.html%00", "INDEX", "nothing"),
        *("link", "folder", "bytes"),
    ):
        answer = manager.get(f"/files/data-docs/{name}.html")
        assert answer.status_code == 404
        assert "SECRET-CONTROL" not in answer.text
    events = {(line.event, line.details.get("name")) for line in lines_of(dashboards, "manager-data-docs")}
    assert ("data_docs_read", "index") in events
    assert ("data_docs_refused", "index") in {
        (line.event, line.details.get("name")) for line in lines_of(dashboards, "mina-data-docs")
    }


def test_forged_parameters_and_widgets_show_nothing_of_another(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-forging", "mina")
    with mina.page() as page:
        shown = page.run(query="artist=zoe")
        assert "DENIED" in shown
        widget = re.search(r'id: "(\$\$ID-[^"]+-artist)"', page.run())
        assert widget, "the page has lost its widget"
        forged = page.run(widgets={widget[1]: "zoe"})
        assert "DENIED" in forged
        injected = page.run(widgets={widget[1]: "zoe' or '1'='1"})
    assert not any("EARNED-zoe" in text for text in (shown, forged, injected))


def test_no_fragment_outlives_its_grant(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-fragment", "mina")
    with mina.page() as page:
        page.run()
        fragment = page.fragments[-1]
        assert "FRAGMENT EARNED-mina-111111" in page.run(fragment=fragment)
        # Only the grant is revoked, the session stays open: the careless fragment itself checks nothing.
        assert revoke_grant(dashboards.store, issuer="allive", subject="mina-fragment", by="the tests")
        for _ in range(2):
            shown = page.run(fragment=fragment)
            assert "ACCESS-WITHDRAWN" in shown
            assert "EARNED-" not in shown
    assert mina.get("/").status_code == 403
    assert mina.get(f"/files/statements/{MONTH}/mina.pdf").status_code == 403
    with pytest.raises(InvalidStatus), mina.page():
        pass


def test_a_changed_grant_counts_at_the_next_rerun_of_a_fragment(dashboards: Dashboards) -> None:
    visitor = dashboards.enter("moving", "mina")
    with visitor.page() as page:
        page.run()
        fragment = page.fragments[-1]
        dashboards.grant("moving", "zoe")
        shown = page.run(fragment=fragment)
    assert "EARNED-mina" not in shown


def test_an_unknown_export_is_not_there(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-exports", "mina")
    for name in ("artist_payouts", "..%2f..%2fallive", "x.csv%00", quote("' or 1=1")):
        assert mina.get(f"/files/exports/{name}.csv").status_code == 404


def test_uploads_metrics_agents_and_downloads_are_closed_to_all(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-closed", "mina")
    for path in (
        "/_stcore/metrics",
        "/_stcore/upload_file/a/b",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/script-health-check",
        "/auth/login",
        "/oauth2callback",
        "/media/0a1b2c.csv",
    ):
        assert mina.get(path).status_code == 404, path
    for method in ("PUT", "DELETE", "POST", "PATCH"):
        assert mina.http.request(method, "/_stcore/upload_file/a/b", content=b"x").status_code == 404
    assert mina.http.post("/_stcore/agent/interact", json={}).status_code == 404
    assert mina.get("/_stcore/health").status_code == 200


def test_one_visitor_cannot_clear_the_memory_of_all(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-clearing", "mina")
    with mina.page() as page:
        before = int(re.findall(r"VISITS (\d+)", page.run())[0])
        for command in ("clear_cache", "load_git_info", "set_run_on_save", "debug_shutdown_runtime"):
            message = BackMsg()
            setattr(message, command, True)
            page.send(message)
        after = int(re.findall(r"VISITS (\d+)", page.run())[0])
    assert after == before + 1


def test_streamlit_learns_no_cookie_of_ours(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-headers", "mina")
    with mina.page() as page:
        shown = page.run()
    assert mina.cookie not in shown
    assert "LANGUAGE fr" in shown


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1", "http://localhost:1"])
def test_a_form_of_another_site_is_not_taken(dashboards: Dashboards, origin: str | None) -> None:
    mina = dashboards.enter(f"mina-csrf-{abs(hash(origin))}", "mina")
    token = mina.form_token("/sign-out")
    headers = {} if origin is None else {"Origin": origin}
    answer = mina.http.post("/sign-out", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert mina.get("/gate/session").status_code == 204


def test_a_form_without_the_token_of_its_browser_is_not_taken(dashboards: Dashboards) -> None:
    mina, attacker = dashboards.enter("mina-token", "mina"), dashboards.enter("zoe-token", "zoe")
    sign_in_token = dashboards.visitor().form_token("/sign-in")
    for token in ("", "0" * 64, attacker.form_token("/sign-out"), sign_in_token, "é" * 10):
        assert mina.post("/sign-out", {"token": token}).status_code == 403
    assert mina.http.post("/sign-out", headers={"Origin": dashboards.url}).status_code == 403
    assert mina.get("/sign-out").status_code == 200
    assert mina.get("/gate/session").status_code == 204
    assert mina.post("/sign-out", {"token": mina.form_token("/sign-out"), "x": "y" * 20_000}).status_code == 403


def test_nobody_is_signed_in_by_another_site(dashboards: Dashboards) -> None:
    dashboards.register("attackers-account", "zoe")
    victim, attacker = dashboards.visitor(), dashboards.visitor()
    fields = {"email": "attackers-account@example.org", "password": PASSWORD}
    stolen = attacker.form_token("/sign-in")
    victim.get("/sign-in")
    assert victim.post("/sign-in", {"token": stolen, **fields}).status_code == 403
    assert (
        victim.post(
            "/sign-in", {"token": victim.form_token("/sign-in"), **fields}, Origin="https://evil.example"
        ).status_code
        == 403
    )
    assert "allive" not in victim.http.cookies


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "javascript:alert(1)",
        "/\t/evil",
    ],
)
def test_no_sign_in_or_language_leads_to_another_site(dashboards: Dashboards, target: str) -> None:
    name = f"redirected-{abs(hash(target))}"
    dashboards.register(name, "mina")
    visitor = dashboards.visitor()
    answer = visitor.post_form("/sign-in", email=f"{name}@example.org", password=PASSWORD, next=target)
    assert answer.headers["location"] == "/"
    assert visitor.http.get("/sign-in", params={"next": target}).headers["location"] == "/"
    assert visitor.http.get("/language/en", params={"back": target}).headers["location"] == "/"


def test_what_is_typed_comes_back_as_text(dashboards: Dashboards) -> None:
    answer = dashboards.visitor().post_form("/sign-in", email='"><script>alert(1)</script>', password="x")  # noqa: S106
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_invitation_works_once_and_looking_does_not_use_it(dashboards: Dashboards) -> None:
    token = dashboards.invite("mina-once", "mina")
    path = f"/invitation/{token}"
    for _ in range(3):
        assert dashboards.visitor().get(path).status_code == 200
        assert dashboards.visitor().http.head(path).status_code in {200, 404, 405}
    guests = [dashboards.visitor() for _ in range(8)]
    tokens = [guest.form_token(path) for guest in guests]

    def accept(number: int) -> int:
        fields = {"token": tokens[number], "password": f"{PASSWORD}-{number}", "again": f"{PASSWORD}-{number}"}
        return guests[number].post(path, fields).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(accept, range(8)))
    assert sorted(answers) == [303, *[410] * 7]
    assert dashboards.visitor().get(path).status_code == 410
    working = [
        number
        for number in range(8)
        if dashboards.visitor().sign_in("mina-once", f"{PASSWORD}-{number}").status_code == 303
    ]
    assert working in ([answers.index(303)], [])  # the account can be locked by then, but never opens for another


def test_a_newer_invitation_voids_the_older_one(dashboards: Dashboards) -> None:
    old, new = dashboards.invite("mina-again", "mina"), dashboards.invite("mina-again", "mina")
    assert dashboards.visitor().get(f"/invitation/{old}").status_code == 410
    assert dashboards.visitor().get(f"/invitation/{new}").status_code == 200
    assert dashboards.visitor().get(f"/invitation/{new[:-1]}").status_code == 410


def test_guessing_a_password_locks_the_account_for_a_while(dashboards: Dashboards) -> None:
    dashboards.register("mina-guessed", "mina")
    guessers = [dashboards.visitor() for _ in range(16)]
    tokens = [guesser.form_token("/sign-in") for guesser in guessers]

    def guess(number: int) -> int:
        fields = {"token": tokens[number], "email": "mina-guessed@example.org", "password": f"wrong password {number}"}
        return guessers[number].post("/sign-in", fields).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(guess, range(16)))
    # Sent at the same time, from sixteen addresses: no more are checked than if sent one after another.
    assert sorted(answers) == [401] * 5 + [429] * 11
    right = dashboards.visitor().sign_in("mina-guessed")
    assert right.status_code == 429
    assert 0 < int(right.headers["retry-after"]) <= 30


def test_guessing_accounts_locks_the_address(dashboards: Dashboards) -> None:
    guesser = dashboards.visitor()
    token = guesser.form_token("/sign-in")

    def guess(number: int) -> int:
        fields = {"token": token, "email": f"nobody-{number}@example.org", "password": "wrong password"}
        return guesser.post("/sign-in", fields).status_code

    answers = [guess(number) for number in range(22)]
    assert answers == [401] * 20 + [429] * 2


def test_an_unknown_account_looks_like_a_wrong_password(dashboards: Dashboards) -> None:
    dashboards.register("mina-known", "mina")
    texts = set()
    for name in ("mina-known", "mina-unknown"):
        answer = dashboards.visitor().sign_in(name, "not the password")
        assert answer.status_code == 401
        texts.add(re.sub(r'name="token" value="\w+"', "", answer.text).replace(name, ""))
    assert len(texts) == 1


def test_another_sites_page_gets_no_live_connection(dashboards: Dashboards) -> None:
    cookie = f"allive={dashboards.enter('mina-origin', 'mina').cookie}"
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", dashboards.url + ".evil.example", None):
        assert refused_handshake(dashboards, cookie=cookie, origin=origin) == 403
    host = dashboards.url.removeprefix("http://")
    with open_page(dashboards, cookie=cookie, origin=dashboards.url) as page:
        assert "I-AM" in page.run()
    assert host


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1:1@evil.example"])
def test_a_foreign_host_is_not_served(dashboards: Dashboards, host: str) -> None:
    cookie = dashboards.enter(f"mina-host-{abs(hash(host))}", "mina").cookie
    answer = raw_request(dashboards, "GET / HTTP/1.1", f"Host: {host}", f"Cookie: allive={cookie}")
    assert int(answer.split()[1]) in {400, 421}
    assert b"<html" not in answer
    assert b"evil" not in answer


def test_errors_tell_nothing(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-errors", "mina")
    with mina.page() as page:
        shown = page.run(query="fail=1")
    for telling in ("SECRET-IN-A-TRACEBACK", "Traceback", "RuntimeError", "published.artist_payouts", "site-packages"):
        assert telling not in shown
    stranger = dashboards.visitor()
    answers = [
        mina.get("/files/nothing"),
        stranger.get("/gate/nothing"),
        stranger.get("/invitation/nothing"),
        stranger.http.post("/sign-in", content=b"\xff\xfe", headers={"Origin": dashboards.url}),
        stranger.http.put("/sign-in"),
        stranger.http.post("/language/fr"),
        stranger.get("/language/%00"),
        stranger.http.get("/", headers={"Cookie": b"allive=\xe9; ;;=;\x7f"}),
    ]
    for answer in answers:
        assert answer.status_code < 500
        for telling in ("Traceback", "starlette", "streamlit", "site-packages", str(Path.cwd())):
            assert telling not in answer.text
    assert "server" not in answers[0].headers


def test_malformed_messages_close_the_connection_and_tell_nothing(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-malformed", "mina")
    for nonsense in (b"\xff" * 64, b"\x00", "text", b"\x0a\xff\xff\xff\xff\x0f"):
        with mina.page() as page:
            page.connection.send(nonsense)
            received = ""
            with suppress(ConnectionClosed, TimeoutError):
                received = str(page.connection.recv(timeout=2))
            assert "Traceback" not in received
    with mina.page() as page:
        assert "I-AM" in page.run()


def test_every_answer_carries_the_protecting_headers(dashboards: Dashboards) -> None:
    mina = dashboards.enter("mina-protected", "mina")
    stranger = dashboards.visitor()
    for answer in (
        mina.get("/"),
        mina.get("/earnings"),
        mina.get("/_stcore/health"),
        mina.get(f"/files/statements/{MONTH}/mina.pdf"),
        mina.get("/nothing/at/all.css"),
        stranger.get("/"),
        stranger.get("/sign-in"),
        stranger.get("/gate/gate.css"),
        stranger.get("/invitation/x"),
        stranger.http.get("/", headers={"Accept": "*/*"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        is_asset = answer.url.path.startswith("/gate/")
        assert is_asset or answer.headers["cache-control"] == "no-store"
    page = mina.get("/").text
    assert '<html lang="fr">' in page
    assert "window.prerenderReady" not in page
    assert (
        '<html lang="en">' in mina.http.get("/", headers={"Cookie": f"allive={mina.cookie}; allive_language=en"}).text
    )


def lines_of(dashboards: Dashboards, subject: str) -> list[AuditLine]:
    return [line for line in audit_lines(dashboards.store, limit=1000) if line.subject == subject]


def test_who_did_what_is_on_record(dashboards: Dashboards) -> None:
    visitor = dashboards.register("on-record", "mina")
    visitor.get(f"/files/statements/{MONTH}/mina.pdf")
    visitor.sign_out()
    visitor.sign_in("on-record", "wrong password")
    visitor.sign_in("on-record")
    events = [line.event for line in reversed(lines_of(dashboards, dashboards.subject_of_account("on-record")))]
    assert events == [
        "invitation_used",
        "granted",
        "signed_in",
        "statement_read",
        "signed_out",
        "sign_in_refused",
        "signed_in",
    ]
