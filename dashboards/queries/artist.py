"""What the artist pages read. The artist is always a parameter that `access.require_artist` has let through."""

from collections.abc import Mapping

from dashboards.access import PLATFORM_ROLES, Principal
from dashboards.serving import ServingCopy

_NAMES = "select artist_id, artist_name from marts.dim_artists order by lower(artist_name), artist_id"


def artist_names(principal: Principal, copy: ServingCopy) -> Mapping[str, str]:
    """Return the artists whose pages the principal may see, id → name, by name."""
    names = {row["artist_id"]: row["artist_name"] for row in copy.rows(_NAMES)}
    if principal.role in PLATFORM_ROLES:
        return names
    own = {artist_id: names.get(artist_id, artist_id) for artist_id in principal.artist_ids}
    return dict(sorted(own.items(), key=lambda item: item[1].casefold()))
