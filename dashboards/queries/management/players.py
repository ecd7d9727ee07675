"""Queries of *Données* about the video players: the signs of each device and app version, without small groups.

Only shares leave the copy: counts per player, subtracted from the platform's total, would reveal what a small group
watched. A player used by fewer than five people on every day is left out, and so are rejected lines without a known
device, which are counted by reason instead.
"""

from collections.abc import Iterable
from typing import Final

from allive.dashboards.access import Principal, require_platform
from allive.dashboards.serving import Row, Rows, ServingCopy
from allive.dashboards.small_groups import is_small, part_of

HISTORY_DAYS: Final = 28
LATEST_DAYS: Final = 7
"""Same as `latest_days` in dbt_project.yml; a test compares them."""
SHARES: Final = {
    "sparse_bp": ("uncounted_ms", "watch_ms + uncounted_ms"),
    "frozen_bp": ("frozen_ms", "watch_ms + frozen_ms"),
    "single_bp": ("single_heartbeat_playbacks", "started_playbacks"),
    "unpositioned_bp": ("unpositioned_heartbeats", "playing_heartbeats"),
    "outrunning_bp": ("outrunning_heartbeats", "playing_heartbeats"),
    "tied_bp": ("tied_heartbeats", "heartbeats"),
    "rejects_bp": ("rejects", "rejects + delivered_heartbeats"),
}
"""Each sign as a share in basis points: its part and its whole, as SQL."""
SHARES_OF_PEOPLE: Final = {"unsubscribed_bp": "unsubscribed_watchers", "two_devices_bp": "two_device_watchers"}
"""Each sign that counts people, as a share of the viewers."""
DAY_COLUMNS: Final = ("day", "device", "app_version", *SHARES, *SHARES_OF_PEOPLE)
SIGN_COLUMNS: Final = ("device", "app_version", "sign", "share_bp", "first_day", "last_day")

_SHARES: Final = ", ".join(
    f"sum({part}) * 10000 // nullif(sum({whole}), 0) as {name}" for name, (part, whole) in SHARES.items()
)
_PEOPLE: Final = ", ".join(
    f"max({column}) as {column}, sum({column}) as {column}_by_day"
    for column in ("watchers", *SHARES_OF_PEOPLE.values())
)
_HEALTH: Final = f"""
select {{keys}}, {_SHARES}, {_PEOPLE}, sum(watch_ms) as watch_ms
from marts.fct_player_health
where day > (select max(day) from marts.fct_player_health) - cast(? as integer)
group by {{keys}}
order by {{keys}}
"""
_BY_PLAYER: Final = _HEALTH.format(keys="device, app_version")
_BY_DAY: Final = _HEALTH.format(keys="day, device, app_version")
_SIGNS: Final = """
select device, app_version, sign, found * 10000 // among as share_bp, first_day, last_day
from marts.fct_player_signs
where span = 'latest'
order by share_bp desc, sign, device, app_version
"""


def players(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the shares of each device and app version over the latest days, most watch time first."""
    require_platform(principal)
    rows = _told(copy.rows(_BY_PLAYER, LATEST_DAYS))
    return tuple(sorted(rows, key=lambda row: (-row["watch_ms"], row["device"], row["app_version"])))


def player_days(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the shares of each device and app version by day, over four weeks."""
    require_platform(principal)
    return _told(copy.rows(_BY_DAY, HISTORY_DAYS))


def player_signs(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the signs that stand out in the latest days, for players that may be shown, largest share first."""
    told = {(row["device"], row["app_version"]) for row in players(principal, copy)}
    return tuple(row for row in copy.rows(_SIGNS) if (row["device"], row["app_version"]) in told)


def _told(rows: Iterable[Row]) -> Rows:
    return tuple(
        {**row, **{name: _share_of_people(row, column) for name, column in SHARES_OF_PEOPLE.items()}}
        for row in rows
        if not is_small(row["watchers"]) and (row["watchers"] or (row["device"] and row["rejects_bp"]))
    )


def _share_of_people(row: Row, column: str) -> int | None:
    """Return a share of the viewers, each counted once per day; None if they, or the rest, are a small group."""
    if not row["watchers"] or part_of(row["watchers"], row[column]) is None:
        return None
    return int(row[f"{column}_by_day"] * 10_000 // row["watchers_by_day"])
