"""What the access store keeps: invitations, passwords, sessions, grants, waits, and the log of it all."""

import doctest
import sqlite3
from pathlib import Path

import pytest

from dashboards import exports
from dashboards.access import AccessDeniedError, Principal, Role
from dashboards.exports import Export, as_csv, export
from dashboards.gate import accounts, audit, grants, invitations, lockout, passwords, requests, sessions
from dashboards.gate.audit import Event
from dashboards.gate.invitations import InvitationError
from dashboards.gate.passwords import hash_password, is_password, weakness
from dashboards.gate.store import Store, StoreError

START = 1_800_000_000
PASSWORD = "un soir à l'Olympia"  # noqa: S105 - of accounts that live for a test
WHO = {"issuer": "https://id.example", "subject": "42"}
ARTIST = Principal(**WHO, name="Mina", role=Role.ARTIST, artist_ids=("art-1", "art-2"))


class Clock:
    """A clock that stands until it is moved."""

    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    return Store(tmp_path / "access" / "access.sqlite3", clock=clock)


def test_only_the_owner_can_read_the_store(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("select 1")
        assert store.path.parent.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in store.path.parent.iterdir()} == {0o600}


def test_a_store_of_a_newer_release_is_left_alone(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(StoreError, match="version 99; expected at most 2"):
        Store(store.path)


def test_a_store_is_opened_again_as_it_was(store: Store, clock: Clock) -> None:
    grants.put_grant(store, ARTIST, by="op")
    again = Store(store.path, clock=clock)
    assert grants.find_grant(again, **WHO) == ARTIST
    assert again.form_key == store.form_key
    assert len(again.form_key) == 32


def test_nothing_half_done_is_kept(store: Store) -> None:
    def half() -> None:
        with store.writing() as connection:
            grants.write_grant(store, connection, ARTIST, by="op")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert grants.list_grants(store) == []
    assert audit.lines(store) == []


@pytest.mark.parametrize("statement", ["update audit_events set event = 'x'", "delete from audit_events"])
def test_the_audit_log_is_append_only(store: Store, statement: str) -> None:
    audit.record(store, Event.SIGNED_IN, who=("a", "b"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), store.writing() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("onze lettre", "too_short"),
        ("x" * 201, "too_long"),
        ("abababababab", "too_plain"),
        ("mina@example.org", "is_email"),
        ("minaminamina2021", "is_email"),
        ("douze lettre", None),
        (PASSWORD, None),
    ],
)
def test_a_password_must_be_worth_one(password: str, reason: str | None) -> None:
    assert weakness(password, email="mina@example.org") == reason


def test_a_password_is_kept_as_argon2id_and_salted() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith("$argon2id$")
    assert first != second
    assert is_password(first, PASSWORD)
    assert not is_password(first, PASSWORD + " ")
    assert not is_password(None, PASSWORD)
    assert not is_password("damaged", PASSWORD)
    # The same letters from another keyboard: é as one sign, and as e with an accent.
    assert is_password(hash_password("un été à Nîmes"), "un e\u0301te\u0301 a\u0300 Ni\u0302mes")


def test_a_session_ends_after_half_an_hour_of_nothing(store: Store, clock: Clock) -> None:
    token = sessions.open_session(store, **WHO, address="::1", method="password")
    clock.now += 30 * 60 - 1
    session = sessions.find_session(store, token)
    assert session is not None
    clock.now += 1
    assert sessions.find_session(store, token) is None
    assert sessions.session_of(store, session.reference) is None
    assert sessions.live_references(store, [session.reference]) == set()
    sessions.touch(store, session)
    assert sessions.find_session(store, token) is None, "what has ended does not come back"


def test_activity_keeps_a_session_but_not_beyond_twelve_hours(store: Store, clock: Clock) -> None:
    token = sessions.open_session(store, **WHO, address="::1", method="password")
    for _ in range(12 * 60 // 20 - 1):
        clock.now += 20 * 60
        session = sessions.find_session(store, token)
        assert session is not None
        sessions.touch(store, session)
    clock.now = START + 12 * 3600 - 1
    assert sessions.find_session(store, token) is not None
    clock.now += 1
    assert sessions.find_session(store, token) is None


def test_sessions_of_a_subject_end_together(store: Store) -> None:
    tokens = [sessions.open_session(store, **WHO, address="::1", method="password") for _ in range(2)]
    other = sessions.open_session(store, issuer=WHO["issuer"], subject="43", address="::1", method="password")
    assert sessions.end_sessions_of(store, **WHO, by="op") == 2
    assert [sessions.find_session(store, token) for token in tokens] == [None, None]
    assert sessions.find_session(store, other) is not None
    assert sessions.end_sessions_of(store, **WHO, by="op") == 0


def test_a_grant_is_keyed_by_issuer_and_subject(store: Store) -> None:
    grants.put_grant(store, ARTIST, by="op")
    assert grants.find_grant(store, **WHO) == ARTIST
    assert grants.find_grant(store, issuer="https://other.example", subject=WHO["subject"]) is None
    replaced = Principal(**WHO, name="Mina", role=Role.FINANCE)
    grants.put_grant(store, replaced, by="op")
    assert grants.find_grant(store, **WHO) == replaced
    assert len(grants.list_grants(store)) == 1
    assert grants.revoke_grant(store, **WHO, by="op")
    assert not grants.revoke_grant(store, **WHO, by="op")
    assert grants.find_grant(store, **WHO) is None


@pytest.mark.parametrize(("role", "artist_ids"), [(Role.ARTIST, ()), (Role.MANAGEMENT, ("a",)), (Role.FINANCE, ("a",))])
def test_a_grant_that_means_nothing_is_refused(store: Store, role: Role, artist_ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        grants.put_grant(store, Principal(**WHO, name="x", role=role, artist_ids=artist_ids), by="op")
    with pytest.raises(ValueError, match="expected"):
        invitations.invite(store, email="x@example.org", role=role, artist_ids=artist_ids, by="op")


def test_who_looks_is_asked_of_the_store_each_time(store: Store) -> None:
    token = sessions.open_session(store, **WHO, address="::1", method="oidc")
    session = sessions.find_session(store, token)
    assert session is not None
    with pytest.raises(AccessDeniedError, match="granted"):
        grants.principal_of_session(store, session.reference)
    grants.put_grant(store, ARTIST, by="op")
    assert grants.principal_of_session(store, session.reference) == ARTIST
    sessions.end_session(store, session, address="::1")
    with pytest.raises(AccessDeniedError, match="ended"):
        grants.principal_of_session(store, session.reference)
    for nothing in ("", token):
        with pytest.raises(AccessDeniedError):
            grants.principal_of_session(store, nothing)


def test_an_invitation_opens_an_account_once(store: Store) -> None:
    token = invitations.invite(store, email="Mina@example.org", role=Role.ARTIST, artist_ids=("b", "a", "b"), by="op")
    found = invitations.find_invitation(store, token)
    assert found is not None
    assert found.artist_ids == ("a", "b")
    account = invitations.accept_with_password(store, token, PASSWORD, address="::1")
    principal = grants.find_grant(store, issuer="allive", subject=account)
    assert principal is not None
    assert (principal.role, principal.artist_ids, principal.name) == (Role.ARTIST, ("a", "b"), "Mina@example.org")
    with pytest.raises(InvitationError):
        invitations.accept_with_password(store, token, PASSWORD, address="::1")
    result = accounts.check_password(store, email="mina@EXAMPLE.org", password=PASSWORD, address="::1")
    assert result.account_id == account


def test_an_invitation_lasts_seven_days(store: Store, clock: Clock) -> None:
    token = invitations.invite(store, email="m@example.org", role=Role.FINANCE, by="op")
    clock.now += 7 * 24 * 3600 - 1
    assert invitations.find_invitation(store, token) is not None
    clock.now += 1
    assert invitations.find_invitation(store, token) is None
    with pytest.raises(InvitationError):
        invitations.accept_with_password(store, token, PASSWORD, address="::1")


def test_another_invitation_sets_a_new_password_and_ends_what_was_open(store: Store) -> None:
    first = invitations.invite(store, email="m@example.org", role=Role.FINANCE, by="op")
    account = invitations.accept_with_password(store, first, PASSWORD, address="::1")
    token = sessions.open_session(store, issuer="allive", subject=account, address="::1", method="password")
    second = invitations.invite(store, email="m@example.org", role=Role.MANAGEMENT, by="op")
    assert invitations.accept_with_password(store, second, PASSWORD + "!", address="::1") == account
    assert sessions.find_session(store, token) is None
    assert accounts.check_password(store, email="m@example.org", password=PASSWORD, address="::1").account_id is None
    principal = grants.find_grant(store, issuer="allive", subject=account)
    assert principal is not None
    assert principal.role is Role.MANAGEMENT


@pytest.mark.parametrize("email", ["", "mina", "a@b@c", "a b@example.org", "a@example.org\nbcc: x", "<a@example.org>"])
def test_an_address_is_an_address(store: Store, email: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        invitations.invite(store, email=email, role=Role.FINANCE, by="op")


def test_waits_grow_and_end(store: Store, clock: Clock) -> None:
    def attempt(address: str = "198.51.100.1") -> int:
        return lockout.begin_attempt(store, account="m@example.org", address=address)

    assert [attempt() for _ in range(6)] == [0, 0, 0, 0, 0, 30]
    assert attempt("203.0.113.9") == 30, "from anywhere"
    assert lockout.begin_attempt(store, account="other@example.org", address="198.51.100.1") == 0, "not for others"
    clock.now += 30
    assert attempt() == 0
    assert attempt() == 60
    clock.now += 60
    lockout.succeed(store, account="M@example.org ", address="198.51.100.1")
    assert [attempt() for _ in range(6)] == [0, 0, 0, 0, 0, 30]


def test_an_address_of_ipv6_is_its_network(store: Store) -> None:
    addresses = [f"2001:db8::{number:x}" for number in range(1, 22)]
    waits = [
        lockout.begin_attempt(store, account=f"{number}@example.org", address=address)
        for number, address in enumerate(addresses)
    ]
    assert waits == [0] * 20 + [30]


def test_only_the_platform_looks_as_an_artist(store: Store) -> None:
    with pytest.raises(AccessDeniedError):
        audit.record_view_as(store, ARTIST, "art-9")
    manager = Principal(**WHO, name="M", role=Role.MANAGEMENT)
    audit.record_view_as(store, manager, "art-9")
    (line,) = audit.lines(store)
    assert (line.event, line.subject, line.details) == ("viewed_as", "42", {"artist_id": "art-9"})


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", "\uff1d1+1"])
def test_no_text_of_an_export_is_run_as_a_formula(text: str) -> None:
    content = as_csv(Export(("title", "cents"), ((text, -5),))).decode("utf-8")
    assert content.startswith("\ufefftitle,cents\r\n")
    assert content.removeprefix("\ufefftitle,cents\r\n").lstrip('"').startswith("'")
    assert content.endswith(",-5\r\n")


def test_an_export_has_one_name_and_one_maker() -> None:
    for name in ("../x", "X", "a b", ""):
        with pytest.raises(ValueError, match="export name"):
            export(name)(lambda *_: Export((), ()))


@pytest.mark.parametrize("module", [exports, lockout, requests])
def test_examples_of_the_gate_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


def test_passwords_are_looked_at_only_after_the_attempt_is_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []

    def look(stored_hash: str | None, password: str) -> bool:
        with store.reading() as connection:
            counted.append(connection.execute("select max(attempts) from failed_attempts").fetchone()[0])
        return passwords.is_password(stored_hash, password)

    monkeypatch.setattr(accounts, "is_password", look)
    accounts.check_password(store, email="m@example.org", password="x" * 12, address="::1")
    assert counted == [1]
