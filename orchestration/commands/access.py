"""Access to the dashboards: invitations and grants. Uses only the access store, and does not lock the data home."""

from collections.abc import Iterable

from allive.dashboards.access import Principal, Role, grants, invitations
from allive.dashboards.access.accounts import operator_of
from allive.dashboards.access.revocation import revoke
from allive.dashboards.access.store import StoreError, open_store
from allive.ingestion.settings import Settings
from allive.orchestration.terminal import refuse, say, table, warn
from allive.payouts import close_orders
from allive.payouts.audit import operator_name


def invite(settings: Settings, email: str, *, role: Role, artist_ids: tuple[str, ...]) -> bool:
    """Print a link that admits one person, once. Return whether it was created."""
    try:
        link = invitation_link(settings, email, role=role, artist_ids=artist_ids)
    except (ValueError, StoreError) as error:
        refuse("No one was invited.", [str(error)])
        return False
    say(
        f"{email} can see {_scope(role, artist_ids)} with this link. "
        "It works once, for seven days, and replaces any earlier link:"
    )
    say(link)
    replaced = invitations.grant_of_account(open_store(settings), email)
    if replaced is not None and (replaced.role, replaced.artist_ids) != (role, tuple(sorted(set(artist_ids)))):
        scope = _scope(replaced.role, replaced.artist_ids)
        warn(
            "The link replaces the current access of that account.",
            [f"Current access: {scope}, until the link is used."],
        )
    return True


def invitation_link(settings: Settings, email: str, *, role: Role, artist_ids: tuple[str, ...] = ()) -> str:
    """Create an invitation and return its link.

    Raises:
        ValueError: The address is not valid, or the artists do not fit the role.
    """
    token = invitations.invite(
        open_store(settings), email=email, role=role, artist_ids=artist_ids, by=operator_name(settings)
    )
    return f"{settings.dashboards_address}/invitation/{token}"


def list_grants(settings: Settings) -> bool:
    """List who can see which pages."""
    found = grants.list_grants(open_store(settings))
    if not found:
        say("There are no grants. Invite someone: allive invite mina@example.org --artist art-001")
        return True
    table(
        "Grants",
        ("name", "role", "artists", "issuer", "subject", "since", "by"),
        [
            (
                grant.principal.name,
                str(grant.principal.role),
                " ".join(grant.principal.artist_ids),
                grant.principal.issuer,
                grant.principal.subject,
                f"{grant.created_at:%Y-%m-%d %H:%M} UTC",
                grant.created_by,
            )
            for grant in found
        ],
    )
    return True


def add_grant(
    settings: Settings, *, issuer: str, subject: str, name: str, role: Role, artist_ids: tuple[str, ...]
) -> bool:
    """Grant a role to a user of an identity provider, replacing any earlier role. Return whether that was possible."""
    principal = Principal(issuer=issuer, subject=subject, name=name, role=role, artist_ids=artist_ids)
    try:
        grants.put_grant(open_store(settings), principal, by=operator_name(settings))
    except ValueError as error:
        refuse("Nothing was granted.", [str(error)])
        return False
    say(f"{name} can see {_scope(role, artist_ids)}, from the next click on.")
    return True


def revoke_grants(settings: Settings, whom: str, *, issuer: str | None) -> bool:
    """Revoke the grant of a name or subject, and end their sessions. Return whether exactly one grant was meant."""
    store = open_store(settings)
    fitting = [
        grant.principal
        for grant in grants.list_grants(store)
        if whom in {grant.principal.subject, grant.principal.name} and issuer in {None, grant.principal.issuer}
    ]
    by = operator_name(settings)
    if not fitting and (withdrawn := invitations.withdraw_invitations(store, whom, by=by)):
        say(f"{whom} had no grant. Open invitations withdrawn: {withdrawn}.")
        return True
    if len(fitting) != 1:
        refuse(
            "Nothing was revoked.",
            [
                (
                    f"Found {len(fitting)} grants of {whom!r}; expected one. `allive grants list` shows the "
                    "subjects; add --issuer if two issuers use the same one."
                )
            ],
        )
        return False
    principal = fitting[0]
    revoked = revoke(store, principal, by=by)
    say(
        f"{principal.name} no longer has access. Open sessions that end within seconds: {revoked.sessions}. "
        f"Open invitations withdrawn: {revoked.invitations}."
    )
    if orders := _withdraw_orders_of(settings, principal, by=by):
        say(f"Open orders to close that were withdrawn: {', '.join(orders)}.")
    return True


def _withdraw_orders_of(settings: Settings, principal: Principal, *, by: str) -> list[str]:
    """Withdraw the open orders that this person gave or approved; return their months."""
    name = operator_of(open_store(settings), issuer=principal.issuer, subject=principal.subject)
    withdrawn = []
    for order in close_orders.open_orders(settings):
        if any(close_orders.is_same_person(name, person) for person in (order.operator, order.approved_by or "")):
            close_orders.withdraw_order(settings, order.order_id, operator=by, why=f"The grant of {name} was revoked.")
            withdrawn.append(order.settlement_month)
    return withdrawn


def list_invitations(settings: Settings) -> bool:
    """List the invitations that can still be used."""
    found = invitations.open_invitations(open_store(settings))
    if not found:
        say("There are no open invitations. Invite someone: allive invite mina@example.org --artist art-001")
        return True
    table(
        "Open invitations",
        ("to", "role", "artists", "until", "by"),
        [
            (
                invitation.email,
                str(invitation.role),
                " ".join(invitation.artist_ids),
                f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC",
                invitation.created_by,
            )
            for invitation in found
        ],
    )
    return True


def revoke_invitation(settings: Settings, email: str) -> bool:
    """Withdraw the open invitation to an address. Return whether there was one."""
    if not invitations.withdraw_invitations(open_store(settings), email, by=operator_name(settings)):
        refuse(
            "Nothing was withdrawn.",
            [f"Found no open invitation to {email!r}; expected one. `allive invitations list` shows them."],
        )
        return False
    say(f"The link for {email} no longer works.")
    return True


def _scope(role: Role, artist_ids: Iterable[str]) -> str:
    if role is Role.ARTIST:
        return "the pages of " + ", ".join(sorted(set(artist_ids)))
    if role is Role.OPERATOR:
        return "the pages of finance, the orchestrator and the orders to close"
    return f"the pages of the {role}" if role is Role.MANAGEMENT else "the pages of finance"
