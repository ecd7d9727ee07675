"""Access to figures by role."""

import pytest

from allive.dashboards.access import AccessDeniedError, Principal, Role, require_artist, require_platform

ARTIST = Principal("local", "a", "Nina", Role.ARTIST, ("art-001", "art-002"))
MANAGER = Principal("local", "m", "Max", Role.MANAGEMENT)
FINANCE = Principal("local", "f", "Fanny", Role.FINANCE)


def test_an_artist_sees_her_own_figures_and_no_others() -> None:
    require_artist(ARTIST, "art-001")
    require_artist(ARTIST, "art-002")
    for other in ("art-003", "", "ART-001", "art-001 "):
        with pytest.raises(AccessDeniedError):
            require_artist(ARTIST, other)


def test_an_artist_sees_nothing_of_the_platform() -> None:
    with pytest.raises(AccessDeniedError):
        require_platform(ARTIST)


@pytest.mark.parametrize("principal", [MANAGER, FINANCE])
def test_management_and_finance_see_the_platform_and_any_artist(principal: Principal) -> None:
    require_platform(principal)
    require_artist(principal, "art-003")


def test_a_platform_grant_does_not_come_from_artist_ids() -> None:
    with pytest.raises(AccessDeniedError):
        require_platform(Principal("local", "x", "x", Role.ARTIST, ("*",)))
