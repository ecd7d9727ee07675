"""Taking back all that somebody may see: the grant, the sessions, and the invitations that would give it again."""

from dataclasses import dataclass

from dashboards.access import Principal
from dashboards.gate.grants import LOCAL_ISSUER, delete_grant
from dashboards.gate.invitations import withdraw_in
from dashboards.gate.sessions import end_in
from dashboards.gate.store import Store


@dataclass(frozen=True)
class Revoked:
    """How much was taken back besides the grant."""

    sessions: int
    invitations: int


def revoke(store: Store, principal: Principal, *, by: str) -> Revoked:
    """Take back a grant in one transaction, so that nobody is let in again between its parts."""
    issuer, subject = principal.issuer, principal.subject
    with store.writing() as connection:
        # A grant that came by invitation bears the address as its name, whoever vouches for the subject.
        emails = {principal.name}
        if issuer == LOCAL_ISSUER:
            rows = connection.execute("select email from accounts where account_id = ?", (subject,))
            emails |= {row["email"] for row in rows}
        delete_grant(store, connection, issuer=issuer, subject=subject, by=by)
        return Revoked(
            sessions=end_in(store, connection, issuer=issuer, subject=subject, by=by),
            invitations=withdraw_in(store, connection, emails, by=by),
        )
