"""Who may see the dashboards: invitations and grants. Works on the access store alone and takes no lock of the home."""

from collections.abc import Iterable

from dashboards.access import Principal, Role
from dashboards.gate import grants, invitations, sessions
from dashboards.gate.store import StoreError, open_store
from ingestion.settings import Settings
from orchestration.terminal import refuse, say, table
from payouts.audit import operator_name


def invite(settings: Settings, email: str, *, role: Role, artist_ids: tuple[str, ...]) -> bool:
    """Print a link that lets one person in, once; whether it was written."""
    try:
        link = invitation_link(settings, email, role=role, artist_ids=artist_ids)
    except (ValueError, StoreError) as error:
        refuse("Nobody was invited.", [str(error)])
        return False
    say(f"{email} may see {_scope(role, artist_ids)}. The link works once, for seven days; an earlier one is void:")
    say(link)
    return True


def invitation_link(settings: Settings, email: str, *, role: Role, artist_ids: tuple[str, ...] = ()) -> str:
    """Write an invitation and return its link.

    Raises:
        ValueError: Not an address, or artists that do not fit the role.
    """
    token = invitations.invite(
        open_store(settings), email=email, role=role, artist_ids=artist_ids, by=operator_name(settings)
    )
    return f"{settings.dashboards_address}/invitation/{token}"


def list_grants(settings: Settings) -> bool:
    """List who may see what."""
    found = grants.list_grants(open_store(settings))
    if not found:
        say("Nothing is granted to anybody. Invite somebody: allive invite mina@example.org --artist art-001")
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
    """Grant a role to whom an issuer vouches for, in place of what they had; whether it could."""
    principal = Principal(issuer=issuer, subject=subject, name=name, role=role, artist_ids=artist_ids)
    try:
        grants.put_grant(open_store(settings), principal, by=operator_name(settings))
    except ValueError as error:
        refuse("Nothing was granted.", [str(error)])
        return False
    say(f"{name} may see {_scope(role, artist_ids)}, from the next click on.")
    return True


def revoke_grants(settings: Settings, whom: str, *, issuer: str | None) -> bool:
    """Take back what a name or subject was granted, and end their sessions; whether exactly one was meant."""
    store = open_store(settings)
    fitting = [
        grant.principal
        for grant in grants.list_grants(store)
        if whom in {grant.principal.subject, grant.principal.name} and issuer in {None, grant.principal.issuer}
    ]
    if len(fitting) != 1:
        refuse(
            "Nothing was revoked.",
            [
                (
                    f"Found {len(fitting)} grants of {whom!r}; expected one. `allive grants list` shows the "
                    "subjects; add --issuer where two issuers use the same one."
                )
            ],
        )
        return False
    by = operator_name(settings)
    principal = fitting[0]
    grants.revoke_grant(store, issuer=principal.issuer, subject=principal.subject, by=by)
    ended = sessions.end_sessions_of(store, issuer=principal.issuer, subject=principal.subject, by=by)
    say(f"{principal.name} may see nothing any more. Open sessions that end within seconds: {ended}.")
    return True


def _scope(role: Role, artist_ids: Iterable[str]) -> str:
    if role is Role.ARTIST:
        return "the pages of " + ", ".join(sorted(set(artist_ids)))
    return f"the pages of the {role}" if role is Role.MANAGEMENT else "the pages of finance"
