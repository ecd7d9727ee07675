"""Revoking a person's access: the grant, the sessions, and the invitations that would grant it again."""

from dataclasses import dataclass

from allive.dashboards.access.grants import LOCAL_ISSUER, delete_grant
from allive.dashboards.access.invitations import withdraw_in
from allive.dashboards.access.principal import Principal
from allive.dashboards.access.sessions import end_in
from allive.dashboards.access.store import Store


@dataclass(frozen=True)
class Revoked:
    """How many sessions and invitations were ended with the grant."""

    sessions: int
    invitations: int


def revoke(store: Store, principal: Principal, *, by: str) -> Revoked:
    """Revoke access in one transaction, so that no one gets back in between the steps."""
    issuer, subject = principal.issuer, principal.subject
    with store.writing() as connection:
        # A grant made by invitation has the e-mail address as its name, with any issuer.
        emails = {principal.name}
        if issuer == LOCAL_ISSUER:
            rows = connection.execute("select email from accounts where account_id = ?", (subject,))
            emails |= {row["email"] for row in rows}
        delete_grant(store, connection, issuer=issuer, subject=subject, by=by)
        return Revoked(
            sessions=end_in(store, connection, issuer=issuer, subject=subject, by=by),
            invitations=withdraw_in(store, connection, emails, by=by),
        )
