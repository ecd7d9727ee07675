"""Invitations and grants on the command line: a revocation is final, and a setting that weakens the gate warns."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from allive.dashboards.access import Principal, Role, grants, invitations
from allive.dashboards.access.store import Store, open_store
from allive.ingestion.settings import Settings
from allive.orchestration import cli
from allive.orchestration.commands.dashboards import warn_of_settings
from allive.payouts import audit, close_orders


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ALLIVE_HOME", str(tmp_path))
    return Settings()


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


def allive(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def text_of(result: Result) -> str:
    return " ".join(result.output.split())


def invite(email: str, *role: str) -> str:
    """Invite, and return the token of the printed link."""
    result = allive("invite", email, *role)
    assert result.exit_code == 0, result.output
    return "".join(result.output.split()).rpartition("/invitation/")[2][:43]


def test_invitations_are_listed_and_revoked(store: Store) -> None:
    assert "There are no open invitations" in allive("invitations", "list").output
    token = invite("ana@example.org", "--operator")
    listed = allive("invitations", "list")
    assert listed.exit_code == 0
    assert "operator" in listed.output
    assert invitations.find_invitation(store, token) is not None
    assert allive("invitations", "revoke", "ana@example.org").exit_code == 0
    assert invitations.find_invitation(store, token) is None
    again = allive("invitations", "revoke", "ana@example.org")
    assert again.exit_code == 1
    assert "Found no open invitation to 'ana@example.org'" in text_of(again)


def test_revoking_a_grant_takes_everything_along(settings: Settings, store: Store) -> None:
    token = invite("ana@example.org", "--operator")
    account_id = invitations.accept_with_password(store, token, "un soir à l'Olympia", address="::1")
    again = invite("ana@example.org", "--operator")
    mine = close_orders.order_close(settings, "2021-02", operator="ana@example.org", origin="gate")
    other = close_orders.order_close(settings, "2021-02", operator="ben@example.org", origin="gate")
    result = allive("grants", "revoke", "ana@example.org")
    assert result.exit_code == 0, result.output
    assert "Open invitations withdrawn: 1" in text_of(result)
    assert "Open orders to close that were withdrawn: 2021-02" in text_of(result)
    assert grants.find_grant(store, issuer="allive", subject=account_id) is None
    assert invitations.find_invitation(store, again) is None
    assert close_orders.open_orders(settings) == (other,)
    last = list(audit.entries(settings))[-1]
    assert (last["action"], last["order_id"]) == ("withdraw_order", mine.order_id)


def test_revoking_whom_was_only_invited_withdraws_the_invitation(store: Store) -> None:
    token = invite("ana@example.org", "--finance")
    result = allive("grants", "revoke", "ana@example.org")
    assert result.exit_code == 0
    assert "Open invitations withdrawn: 1" in text_of(result)
    assert invitations.find_invitation(store, token) is None
    assert allive("grants", "revoke", "ana@example.org").exit_code == 1


def test_an_invitation_says_what_it_would_replace(store: Store) -> None:
    token = invite("ana@example.org", "--operator")
    invitations.accept_with_password(store, token, "un soir à l'Olympia", address="::1")
    assert "The link replaces the current access" in text_of(allive("invite", "ana@example.org", "--finance"))
    assert "The link replaces" not in text_of(allive("invite", "ana@example.org", "--operator"))
    assert "The link replaces" not in text_of(allive("invite", "ben@example.org", "--finance"))


def test_a_provider_s_operator_is_granted_by_command(store: Store) -> None:
    result = allive("grants", "add", "--issuer", "https://id.example", "--subject", "7", "--name", "Zoé", "--operator")
    assert result.exit_code == 0
    expected = Principal("https://id.example", "7", "Zoé", Role.OPERATOR)
    assert grants.find_grant(store, issuer="https://id.example", subject="7") == expected


@pytest.mark.parametrize(
    ("public_url", "proxies", "warns"),
    [
        (None, "", False),
        ("https://artistes.example.org", "", True),
        ("https://artistes.example.org", " ", True),
        ("https://artistes.example.org", "127.0.0.1", False),
    ],
)
def test_a_public_address_without_a_trusted_proxy_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], public_url: str | None, proxies: str, *, warns: bool
) -> None:
    warn_of_settings(Settings(home=tmp_path, public_url=public_url, trusted_proxies=proxies))
    captured = capsys.readouterr()
    assert ("ALLIVE_TRUSTED_PROXIES" in captured.out + captured.err) == warns
