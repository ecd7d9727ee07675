"""Local accounts: sign-in with an e-mail address and a password."""

from dataclasses import dataclass

from allive.dashboards.access import lockout
from allive.dashboards.access.audit import Event, record
from allive.dashboards.access.grants import LOCAL_ISSUER
from allive.dashboards.access.passwords import is_password
from allive.dashboards.access.store import Store


@dataclass(frozen=True)
class SignIn:
    """Result of a sign-in: the account, or how many seconds to wait, or neither (wrong address or password)."""

    account_id: str | None = None
    wait_s: int = 0


def check_password(store: Store, *, email: str, password: str, address: str) -> SignIn:
    """Check a sign-in. Neither the response time nor the lock reveals whether the account exists."""
    email = email.strip()
    wait_s = lockout.begin_attempt(store, account=email, address=address)
    if wait_s:
        record(store, Event.SIGN_IN_LOCKED, address=address, email=email[:254], wait_s=wait_s)
        return SignIn(wait_s=wait_s)
    with store.reading() as connection:
        row = connection.execute("select account_id, password_hash from accounts where email = ?", (email,)).fetchone()
    if not is_password(row["password_hash"] if row else None, password):
        who = (LOCAL_ISSUER, row["account_id"]) if row else None
        record(store, Event.SIGN_IN_REFUSED, who=who, address=address, email=email[:254])
        return SignIn()
    lockout.succeed(store, account=email, address=address)
    return SignIn(account_id=row["account_id"])


def operator_of(store: Store, *, issuer: str, subject: str) -> str:
    """Return an operator's name in the payout audit log: the local account's address, else issuer and subject.

    A grant's name is not unique: it is free text, and two people can have the same one.
    """
    if issuer == LOCAL_ISSUER:
        with store.reading() as connection:
            row = connection.execute("select email from accounts where account_id = ?", (subject,)).fetchone()
        if row is not None:
            return str(row["email"])
    return f"{issuer} {subject}"
