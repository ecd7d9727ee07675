"""Who asks, and what they may see. Identity comes from the gate; authorization is asked here by every query."""

from dataclasses import dataclass
from enum import StrEnum

from ingestion.settings import Settings


class Role(StrEnum):
    """What a grant makes of somebody."""

    ARTIST = "artist"
    MANAGEMENT = "management"
    FINANCE = "finance"
    OPERATOR = "operator"


PLATFORM_ROLES = frozenset({Role.MANAGEMENT, Role.FINANCE, Role.OPERATOR})
"""Who sees the platform's figures, and any artist's pages (each look leaves an audit record). Operators alone have the
orchestrator and the orders to close besides."""


@dataclass(frozen=True)
class Principal:
    """Somebody who has signed in, with the grant in force at this rerun. `(issuer, subject)` is the identity."""

    issuer: str
    subject: str
    name: str
    role: Role
    artist_ids: tuple[str, ...] = ()


class AccessDeniedError(PermissionError):
    """The principal's grant does not cover what was asked for."""


def current_principal(settings: Settings) -> Principal:
    """Return who looks, by the session that the gate vouches for and the grant as the access store has it this moment.

    Raises:
        AccessDeniedError: The session has ended, or nothing is granted any more.
    """
    import streamlit as st  # noqa: PLC0415 - asked by pages only; the rest of this module needs no page

    from dashboards.gate.grants import principal_of_session  # noqa: PLC0415 - they are made of this module's types
    from dashboards.gate.store import open_store  # noqa: PLC0415

    return principal_of_session(open_store(settings), str(st.user.get("session") or ""))


def require_artist(principal: Principal, artist_id: str) -> None:
    """Pass if the principal may see this artist's figures.

    Raises:
        AccessDeniedError: neither the artist's own grant nor the platform's roles.
    """
    if principal.role in PLATFORM_ROLES or (principal.role is Role.ARTIST and artist_id in principal.artist_ids):
        return
    raise AccessDeniedError(f"{principal.issuer} {principal.subject} has no grant for artist {artist_id}.")


def require_platform(principal: Principal) -> None:
    """Pass if the principal may see the platform's figures.

    Raises:
        AccessDeniedError: the principal is an artist.
    """
    if principal.role not in PLATFORM_ROLES:
        raise AccessDeniedError(f"{principal.issuer} {principal.subject} has no grant for the platform's figures.")
