"""A signed-in user and what they may see: every query of the pages checks it here."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles that a grant can give."""

    ARTIST = "artist"
    MANAGEMENT = "management"
    FINANCE = "finance"
    OPERATOR = "operator"


PLATFORM_ROLES = frozenset({Role.MANAGEMENT, Role.FINANCE, Role.OPERATOR})
"""Roles that see the platform's figures and any artist's pages (each view is recorded in the audit log). Only operators
also have the orchestrator and the orders to close."""

FINANCE_ROLES = frozenset({Role.FINANCE, Role.OPERATOR})
"""Roles that make payments: they also see bank movements, accounts set aside, and why somebody holds payments."""


@dataclass(frozen=True)
class Principal:
    """A signed-in user with the grant in force at this rerun, identified by `(issuer, subject)`."""

    issuer: str
    subject: str
    name: str
    role: Role
    artist_ids: tuple[str, ...] = ()


class AccessDeniedError(PermissionError):
    """The principal's grant does not cover what was asked for."""


def require_artist(principal: Principal, artist_id: str) -> None:
    """Check that the principal may see this artist's figures.

    Raises:
        AccessDeniedError: The principal has no grant for this artist and no platform role.
    """
    if principal.role in PLATFORM_ROLES or (principal.role is Role.ARTIST and artist_id in principal.artist_ids):
        return
    raise AccessDeniedError(f"{principal.issuer} {principal.subject} has no grant for artist {artist_id}.")


def require_platform(principal: Principal) -> None:
    """Check that the principal may see the platform's figures.

    Raises:
        AccessDeniedError: The principal is an artist.
    """
    if principal.role not in PLATFORM_ROLES:
        raise AccessDeniedError(f"{principal.issuer} {principal.subject} has no grant for the platform's figures.")


def require_finance(principal: Principal) -> None:
    """Check that the principal may see bank movements and the reasons of people who make payments.

    Raises:
        AccessDeniedError: The principal is neither finance nor an operator.
    """
    if principal.role not in FINANCE_ROLES:
        raise AccessDeniedError(f"{principal.issuer} {principal.subject} has no grant for the bank's movements.")
