"""Queries of *Catalogue*: every live with its eligibility, its artists and its viewing."""

from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Rows, ServingCopy

LIVE_COLUMNS: Final = (
    "live_id",
    "title",
    "artist_names",
    "kind",
    "is_exclusive",
    "duration_s",
    "published_on",
    "venue",
    "city",
    "genre",
    "is_countable",
    "ineligibility_reason",
    "watch_ms",
    "playbacks",
    "viewers",
    "mean_completion_bp",
)
ELIGIBLE: Final = "eligible"
INELIGIBLE: Final = "ineligible"
_LIVES: Final = """
with credited as (
    select
        credits.live_id,
        string_agg(artists.artist_name, ', ' order by credits.share_bp desc, credits.artist_id) as artist_names
    from marts.dim_live_credits as credits
    inner join marts.dim_artists as artists using (artist_id)
    group by credits.live_id
)

select
    lives.live_id,
    lives.title,
    credited.artist_names,
    lives.kind,
    lives.is_exclusive,
    lives.duration_s,
    lives.published_on,
    lives.venue,
    lives.city,
    lives.genre,
    lives.is_countable,
    lives.ineligibility_reason,
    coalesce(watched.watch_ms, 0) as watch_ms,
    coalesce(watched.playbacks, 0) as playbacks,
    coalesce(watched.viewers, 0) as viewers,
    watched.mean_completion_bp
from marts.dim_lives as lives
left join credited using (live_id)
left join marts.fct_live_months as watched on lives.live_id = watched.live_id and watched.month = $1
where
    (
        $2 is null
        or lives.live_id in (select live_id from marts.dim_live_credits where artist_id = $2)
    )
    and (
        $3 is null
        or ($3 = 'eligible' and lives.ineligibility_reason is null)
        or ($3 = 'ineligible' and lives.ineligibility_reason is not null)
        or lives.ineligibility_reason = $3
    )
order by watch_ms desc, lower(lives.title), lives.live_id
"""
_MONTHS: Final = "select distinct month from marts.fct_live_months order by month desc"
_REASONS: Final = """
select ineligibility_reason, count(*) as lives
from marts.dim_lives
group by ineligibility_reason
order by lives desc, ineligibility_reason
"""
_ARTISTS: Final = """
select artists.artist_id, artists.artist_name
from marts.dim_artists as artists
where artists.artist_id in (select artist_id from marts.dim_live_credits)
order by lower(artists.artist_name), artists.artist_id
"""


def lives(
    principal: Principal,
    copy: ServingCopy,
    month: str,
    *,
    artist_id: str | None = None,
    eligibility: str | None = None,
) -> Rows:
    """Return the lives with their viewing in a month, most watched first.

    `eligibility` is `eligible`, `ineligible` or one reason; None means all.
    """
    require_platform(principal)
    return copy.rows(_LIVES, month, artist_id, eligibility)


def watched_months(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the months in which anything was watched, latest first."""
    require_platform(principal)
    return copy.rows(_MONTHS)


def lives_by_reason(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the number of lives per reason why they are not eligible; the reason is null for eligible lives."""
    require_platform(principal)
    return copy.rows(_REASONS)


def credited_artists(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the artists who have a live, ordered by name."""
    require_platform(principal)
    return copy.rows(_ARTISTS)
