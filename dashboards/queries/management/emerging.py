"""Queries of *Émergents*: each category's share of viewing and of money, and the artists without an audience."""

from itertools import groupby
from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy
from allive.payouts.shown_cents import cents_of_parts

_VISIBILITY_READ: Final = (
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
VISIBILITY_COLUMNS: Final = (*_VISIBILITY_READ, "money_cents", "pro_rata_cents")
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
_VISIBILITY: Final = f"select {', '.join(_VISIBILITY_READ)} from marts.fct_emerging_visibility order by month, category"
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
    """Return the visibility of every category by month, oldest month first.

    `money_cents` and `pro_rata_cents` are the categories' parts of the month's money.
    """
    require_platform(principal)
    shown = []
    for _, of_month in groupby(copy.rows(_VISIBILITY), key=lambda row: row["month"]):
        rows = tuple(of_month)
        money, pro_rata = (cents_of_parts([row[name] for row in rows]) for name in ("money_nanos", "pro_rata_nanos"))
        shown += [
            {**row, "money_cents": here, "pro_rata_cents": there}
            for row, here, there in zip(rows, money, pro_rata, strict=True)
        ]
    return tuple(shown)


def category_starts(principal: Principal, copy: ServingCopy) -> Rows:
    """Return where playbacks of each category were started, by month."""
    require_platform(principal)
    return copy.rows(_STARTS)


def artist_visibility(principal: Principal, copy: ServingCopy, month: str) -> Rows:
    """Return every artist of a month, those with the fewest viewers first."""
    require_platform(principal)
    return copy.rows(_ARTISTS, month)
