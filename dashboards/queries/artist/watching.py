"""The viewing of an artist's lives. A live belongs to an artist if its latest credits name them."""

from typing import Final

from allive.dashboards.access import Principal, require_artist
from allive.dashboards.serving import Rows, ServingCopy

_LIVES: Final = """
    select
        lives.live_id, lives.title, lives.kind, lives.is_countable, lives.ineligibility_reason, lives.duration_s,
        lives.published_on, lives.recorded_on, lives.venue, lives.city, credits.share_bp,
    from marts.dim_live_credits as credits
    inner join marts.dim_lives as lives using (live_id)
    where credits.artist_id = ?
    order by lives.recorded_on desc nulls last, lives.title, lives.live_id
"""
_LIVE_MONTHS: Final = """
    select
        months.live_id, months.month, months.watch_ms, months.playbacks, months.viewers, months.measured_playbacks,
        months.completed_playbacks, months.mean_completion_bp,
    from marts.dim_live_credits as credits
    inner join marts.fct_live_months as months using (live_id)
    where credits.artist_id = ?
    order by months.month desc, months.watch_ms desc, months.live_id
"""
_RETENTION: Final = """
    select retention.minute, retention.watching_playbacks, retention.started_playbacks
    from marts.dim_live_credits as credits
    inner join marts.fct_live_retention as retention using (live_id)
    where credits.artist_id = ? and credits.live_id = ?
    order by retention.minute
"""
_STARTS: Final = """
    select starts.surface, cast(sum(starts.playbacks) as bigint) as playbacks
    from marts.dim_live_credits as credits
    inner join marts.fct_live_starts as starts using (live_id)
    where credits.artist_id = ? and credits.live_id = ?
    group by starts.surface
    order by playbacks desc, starts.surface
"""
_AUDIENCE: Final = """
    select
        audience.month, audience.viewers, audience.new_viewers, audience.returning_viewers, audience.watch_ms,
        audience.viewers_watch_ms, audience.sole_artist_viewers,
        not coalesce(platform.is_complete, false) as is_running,
    from marts.fct_artist_audience as audience
    left join marts.fct_platform_months as platform using (month)
    where audience.artist_id = ?
    order by audience.month
"""


def lives(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the catalogue items that credit the artist, latest concert first."""
    require_artist(principal, artist_id)
    return copy.rows(_LIVES, artist_id)


def live_months(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the viewing of each of the artist's lives per calendar month: latest month first, most watched first."""
    require_artist(principal, artist_id)
    return copy.rows(_LIVE_MONTHS, artist_id)


def retention(principal: Principal, copy: ServingCopy, artist_id: str, live_id: str) -> Rows:
    """Return how many playbacks of a live reached each minute; no rows if the live is not the artist's."""
    require_artist(principal, artist_id)
    return copy.rows(_RETENTION, artist_id, live_id)


def starts(principal: Principal, copy: ServingCopy, artist_id: str, live_id: str) -> Rows:
    """Return where playbacks of a live were started; no rows if the live is not the artist's."""
    require_artist(principal, artist_id)
    return copy.rows(_STARTS, artist_id, live_id)


def audience(principal: Principal, copy: ServingCopy, artist_id: str) -> Rows:
    """Return the artist's viewers per calendar month, oldest first, including the current month so far."""
    require_artist(principal, artist_id)
    return copy.rows(_AUDIENCE, artist_id)
