"""Queries of *Émergents*: each category's share of viewing and of money, and the artists without an audience."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy

VISIBILITY_COLUMNS: Final = (
    "month",
    "category",
    "watch_ms",
    "watch_share_bp",
    "money_nanos",
    "money_share_bp",
    "pro_rata_nanos",
    "pro_rata_share_bp",
    "watchers",
    "viewers",
    "reach_bp",
    "first_discoveries",
    "discoveries_per_1000_watchers",
    "observed_discoveries",
    "repeated_discoveries",
    "repeat_bp",
    "gini_bp",
    "hhi_bp",
    "top10_share_bp",
    "online_lives",
    "watched_lives",
    "coverage_bp",
    "artists",
    "watched_artists",
    "known_viewers",
    "observed_known_viewers",
    "known_to_emerging_viewers",
    "known_to_emerging_bp",
)
START_COLUMNS: Final = ("month", "category", "surface", "playbacks")
ARTIST_COLUMNS: Final = (
    "artist_id",
    "artist_name",
    "month",
    "category",
    "online_lives",
    "viewers",
    "watch_ms",
    "watch_share_bp",
    "first_discoveries",
    "observed_discoveries",
    "repeated_discoveries",
    "from_known_viewers",
)
_VISIBILITY: Final = (
    f"select {', '.join(VISIBILITY_COLUMNS)} from marts.fct_emerging_visibility order by month, category"
)
_STARTS: Final = f"select {', '.join(START_COLUMNS)} from marts.fct_category_starts order by month, category, surface"
_ARTISTS: Final = """
select
    visibility.artist_id,
    coalesce(artists.artist_name, visibility.artist_id) as artist_name,
    visibility.month,
    visibility.category,
    visibility.online_lives,
    visibility.viewers,
    visibility.watch_ms,
    visibility.watch_share_bp,
    visibility.first_discoveries,
    visibility.observed_discoveries,
    visibility.repeated_discoveries,
    visibility.from_known_viewers
from marts.fct_artist_visibility as visibility
left join marts.dim_artists as artists using (artist_id)
where visibility.month = $1
order by visibility.viewers, visibility.watch_ms, artist_name, visibility.artist_id
"""


def emerging_visibility(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the visibility of every category by month, oldest month first."""
    require_platform(principal)
    return copy.rows(_VISIBILITY)


def category_starts(principal: Principal, copy: ServingCopy) -> Rows:
    """Return where playbacks of each category were started, by month."""
    require_platform(principal)
    return copy.rows(_STARTS)


def artist_visibility(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return every artist of a month, those with the fewest viewers first."""
    require_platform(principal)
    return copy.rows(_ARTISTS, month)
