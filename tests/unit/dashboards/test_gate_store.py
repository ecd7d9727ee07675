"""The access store: invitations, passwords, sessions, grants, waits, and its audit log."""

import doctest
import sqlite3
from pathlib import Path

import pytest

from allive.dashboards import exports
from allive.dashboards.access import (
    AccessDeniedError,
    Principal,
    Role,
    accounts,
    audit,
    grants,
    invitations,
    lockout,
    passwords,
    sessions,
)
from allive.dashboards.access import store as store_module
from allive.dashboards.access.audit import Event
from allive.dashboards.access.invitations import InvitationError
from allive.dashboards.access.passwords import hash_password, is_password, weakness
from allive.dashboards.access.revocation import revoke
from allive.dashboards.access.store import Store, StoreError
from allive.dashboards.exports import Export, as_csv, export
from allive.dashboards.gate import requests
from tests.access_store import audit_lines, end_sessions_of, left_out, revoke_grant

START = 1_800_000_000
PASSWORD = "un soir à l'Olympia"  # noqa: S105 - only for test accounts
WHO = {"issuer": "https://id.example", "subject": "42"}
ARTIST = Principal(**WHO, name="Mina", role=Role.ARTIST, artist_ids=("art-1", "art-2"))


class Clock:
    """A clock that moves only when a test moves it."""

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
    assert audit_lines(store) == []


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
    # The same letters from another keyboard: é as one code point, and as e with a combining accent.
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
    assert sessions.find_session(store, token) is None, "an ended session does not come back"


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
    assert end_sessions_of(store, **WHO, by="op") == 2
    assert [sessions.find_session(store, token) for token in tokens] == [None, None]
    assert sessions.find_session(store, other) is not None
    assert end_sessions_of(store, **WHO, by="op") == 0


def test_a_grant_is_keyed_by_issuer_and_subject(store: Store) -> None:
    grants.put_grant(store, ARTIST, by="op")
    assert grants.find_grant(store, **WHO) == ARTIST
    assert grants.find_grant(store, issuer="https://other.example", subject=WHO["subject"]) is None
    replaced = Principal(**WHO, name="Mina", role=Role.FINANCE)
    grants.put_grant(store, replaced, by="op")
    assert grants.find_grant(store, **WHO) == replaced
    assert len(grants.list_grants(store)) == 1
    assert revoke_grant(store, **WHO, by="op")
    assert not revoke_grant(store, **WHO, by="op")
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
    with pytest.raises(AccessDeniedError, match="no grant"):
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
    assert attempt("203.0.113.9") == 30, "from any address"
    assert lockout.begin_attempt(store, account="other@example.org", address="198.51.100.1") == 0, "others do not wait"
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
    (line,) = audit_lines(store)
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


def test_a_store_of_the_version_before_keeps_all_it_has(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "access.sqlite3"
    old = sqlite3.connect(path)
    old.executescript(store_module._MIGRATIONS[0])
    old.executescript(
        f"""
        pragma user_version = 1;
        insert into secrets values ('forms', x'00');
        insert into grants values ('i', 's', 'Mina', 'artist', 'op', {START});
        insert into grant_artists values ('i', 's', 'art-1');
        insert into grant_artists values ('i', 's', 'art-2');
        insert into invitations values (x'aa', 'a@b.example', 'finance', '[]', 'op', {START}, {START + 9}, null, null);
        insert into sessions values (x'bb', 'ref', 'i', 's', '::1', {START}, {START}, {START + 9}, null);
        """
    )
    old.close()
    store = Store(path, clock=clock)
    assert grants.find_grant(store, issuer="i", subject="s") == Principal(
        "i", "s", "Mina", Role.ARTIST, ("art-1", "art-2")
    )
    assert [found.email for found in invitations.open_invitations(store)] == ["a@b.example"]
    assert sessions.session_of(store, "ref") is not None
    grants.put_grant(store, Principal("i", "s", "Mina", Role.OPERATOR), by="op")
    with store.reading() as connection:
        assert connection.execute("select count(*) from grant_artists").fetchone()[0] == 0
        assert connection.execute("pragma foreign_key_check").fetchall() == []


def flood(store: Store, event: Event, *, times: int, network: str = "198.51") -> None:
    """Record `times` refusals from as many addresses, in one transaction, which makes no difference to the log."""
    with store.writing() as connection:
        for number in range(times):
            address = f"{network}.{number // 250}.{number % 250}"
            audit.append(store, connection, event, address=address, email="x@y.example")


def test_refused_sign_ins_do_not_fill_the_log(store: Store, clock: Clock) -> None:
    flood(store, Event.SIGN_IN_LOCKED, times=1000)
    written = audit_lines(store, limit=10_000)
    assert len(written) == audit.STRANGERS.of_all == 200
    assert left_out(store) == {"sign_in_locked": 800}
    # The first lines are kept: they are the evidence.
    assert written[-1].address == "198.51.0.0"
    clock.now += 24 * 3600
    audit.record(store, Event.SIGN_IN_LOCKED, address="::1")
    newest, told = audit_lines(store, limit=2)
    assert newest.event == "sign_in_locked"
    assert (told.event, told.details) == (
        "left_out",
        {"of": "sign_in_locked", "day": "2027-01-15", "lines": 800},
    )
    assert left_out(store) == {}


def test_one_address_does_not_push_others_out_of_the_log(store: Store) -> None:
    with store.writing() as connection:
        for number in range(300):
            # One household has the whole network.
            audit.append(store, connection, Event.SIGN_IN_REFUSED, address=f"2001:db8::{number:x}")
    audit.record(store, Event.SIGN_IN_REFUSED, address="198.51.100.7")
    addresses = [line.address for line in audit_lines(store, limit=1000)]
    assert addresses[0] == "198.51.100.7"
    assert len(addresses) == audit.STRANGERS.of_one + 1


def test_guesses_at_nobody_do_not_push_out_those_at_an_account(store: Store) -> None:
    flood(store, Event.SIGN_IN_REFUSED, times=500)
    audit.record(store, Event.SIGN_IN_REFUSED, who=(WHO["issuer"], WHO["subject"]), address="198.51.100.7")
    assert audit_lines(store)[0].subject == WHO["subject"]


def test_what_counts_the_lines_has_a_bound_too(store: Store, clock: Clock) -> None:
    for day in range(3):
        flood(store, Event.INVITATION_REFUSED, times=600, network=f"10.{day}")
        clock.now += 24 * 3600
    with store.reading() as connection:
        (rows,) = connection.execute("select count(*) from audit_counts").fetchone()
    assert rows <= audit.STRANGERS.of_all + 1


def test_what_somebody_signed_in_repeats_has_a_bound(store: Store) -> None:
    with store.writing() as connection:
        for _ in range(audit.SUBJECTS.of_one + 50):
            audit.append(store, connection, Event.STATEMENT_READ, who=ARTIST)
    audit.record(store, Event.STATEMENT_READ, who=("i", "another"))
    assert len(audit_lines(store, limit=10_000)) == audit.SUBJECTS.of_one + 1
    assert left_out(store) == {"statement_read of a subject": 50}


def test_every_event_of_outside_has_a_bound_and_no_deed_of_the_operator_has() -> None:
    by_command = {
        *(Event.INVITED, Event.INVITATION_WITHDRAWN, Event.GRANTED, Event.GRANT_REVOKED, Event.SESSIONS_ENDED),
        # One per invitation, and one per day.
        *(Event.INVITATION_USED, Event.LEFT_OUT),
    }
    assert set(Event) - by_command == set(audit.BOUNDS)


def test_failed_attempts_are_forgotten_and_bounded(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> int:
        with store.reading() as connection:
            return int(connection.execute("select count(*) from failed_attempts").fetchone()[0])

    for number in range(6):
        lockout.begin_attempt(store, account=f"{number}@example.org", address=f"198.51.100.{number}")
    assert kept() == 12
    clock.now += lockout.FORGOTTEN_AFTER_S + 1
    lockout.begin_attempt(store, account="mina@example.org", address="198.51.100.1")
    assert kept() == 2
    for _ in range(5):
        lockout.begin_attempt(store, account="mina@example.org", address="198.51.100.1")
    monkeypatch.setattr(lockout, "MOST_KEPT", 6)
    for number in range(12):
        lockout.begin_attempt(store, account=f"{number}@example.org", address=f"198.51.101.{number}")
    assert kept() == 6
    # A flood does not unlock a locked account.
    assert lockout.begin_attempt(store, account="mina@example.org", address="198.51.100.9") > 0


def test_sessions_of_one_subject_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_OF_A_SUBJECT", 4)
    first, *_, last = [sessions.open_session(store, **WHO, address="::1", method="password") for _ in range(9)]
    assert sessions.find_session(store, first) is None
    assert sessions.find_session(store, last) is not None
    with store.reading() as connection:
        assert connection.execute("select count(*) from sessions").fetchone()[0] == 4


def test_a_revoked_grant_takes_open_invitations_along(store: Store) -> None:
    token = invitations.invite(store, email="mina@example.org", role=Role.ARTIST, artist_ids=("art-1",), by="op")
    account_id = invitations.accept_with_password(store, token, PASSWORD, address="::1")
    again = invitations.invite(store, email="Mina@example.org", role=Role.ARTIST, artist_ids=("art-1",), by="op")
    other = invitations.invite(store, email="zoe@example.org", role=Role.FINANCE, by="op")
    session = sessions.open_session(store, issuer="allive", subject=account_id, address="::1", method="password")
    principal = grants.find_grant(store, issuer="allive", subject=account_id)
    assert principal is not None
    revoked = revoke(store, principal, by="op")
    assert (revoked.sessions, revoked.invitations) == (1, 1)
    assert invitations.find_invitation(store, again) is None
    assert invitations.find_invitation(store, other) is not None
    assert sessions.find_session(store, session) is None
    with pytest.raises(InvitationError):
        invitations.accept_with_password(store, again, PASSWORD, address="::1")
    assert grants.list_grants(store) == []
    assert {line.event for line in audit_lines(store, limit=3)} == {
        "grant_revoked",
        "sessions_ended",
        "invitation_withdrawn",
    }


def test_a_revoked_grant_of_a_provider_takes_open_invitations_along(store: Store) -> None:
    named = Principal(**WHO, name="mina@example.org", role=Role.FINANCE)
    grants.put_grant(store, named, by="op")
    token = invitations.invite(store, email="mina@example.org", role=Role.OPERATOR, by="op")
    assert revoke(store, named, by="op").invitations == 1
    assert invitations.find_invitation(store, token) is None


def test_open_invitations_are_listed_and_withdrawn(store: Store, clock: Clock) -> None:
    invitations.invite(store, email="old@example.org", role=Role.FINANCE, by="op")
    clock.now += invitations.VALID_S + 1
    token = invitations.invite(store, email="new@example.org", role=Role.OPERATOR, by="op")
    invitations.invite(store, email="art@example.org", role=Role.ARTIST, artist_ids=("b", "a"), by="op")
    listed = [
        (found.email, found.role, found.artist_ids, found.created_by) for found in invitations.open_invitations(store)
    ]
    assert listed == [
        ("art@example.org", Role.ARTIST, ("a", "b"), "op"),
        ("new@example.org", Role.OPERATOR, (), "op"),
    ]
    assert invitations.withdraw_invitations(store, "NEW@example.org ", by="op") == 1
    assert invitations.withdraw_invitations(store, "new@example.org", by="op") == 0
    assert invitations.withdraw_invitations(store, "old@example.org", by="op") == 0
    assert invitations.find_invitation(store, token) is None
    assert [found.email for found in invitations.open_invitations(store)] == ["art@example.org"]
