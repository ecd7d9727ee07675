"""The artists' names, and the artists whose pages a principal may open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from allive.dashboards.access import PLATFORM_ROLES, Principal, require_artist
from allive.dashboards.serving import ServingCopy

_KNOWN: Final = "known"
_NAMES: Final = "select artist_id, artist_name from marts.dim_artists order by lower(artist_name), artist_id"
_ARTIST: Final = (
    "select artist_id, artist_name, latest_category, credited_lives, left_on from marts.dim_artists where artist_id = ?"
)


@dataclass(frozen=True)
class Artist:
    """An artist in today's catalogue."""

    artist_id: str
    artist_name: str
    latest_category: str | None
    credited_lives: int
    left_on: date | None

    @property
    def is_known(self) -> bool:
        """Return whether the artist is known: money from their viewing goes to the common pool, not to them."""
        return self.latest_category == _KNOWN


def artist_names(principal: Principal, copy: ServingCopy) -> Mapping[str, str]:
    """Return the artists whose pages the principal may see, id → name, ordered by name."""
    names = {row["artist_id"]: row["artist_name"] for row in copy.rows(_NAMES)}
    if principal.role in PLATFORM_ROLES:
        return names
    own = {artist_id: names.get(artist_id, artist_id) for artist_id in principal.artist_ids}
    return dict(sorted(own.items(), key=lambda item: item[1].casefold()))


def find_artist(principal: Principal, copy: ServingCopy, artist_id: str) -> Artist | None:
    """Return the artist, or None if they are not in the catalogue (yet)."""
    require_artist(principal, artist_id)
    rows = copy.rows(_ARTIST, artist_id)
    return Artist(**rows[0]) if rows else None
