"""What *Données* reads of the players: the signs of each device and app version, told of groups only.

Shares alone leave the copy: counts by player, taken from the platform's own total, would tell what a small group
watched. A player that fewer than five people used on every day is left out, and so are rejected lines of no known
device: they are told by reason.
"""

from collections.abc import Iterable
from typing import Final

from dashboards.access import Principal, require_platform
from dashboards.serving import Row, Rows, ServingCopy
from dashboards.small_groups import is_small, part_of

HISTORY_DAYS: Final = 28
LATEST_DAYS: Final = 7
"""As `latest_days` in dbt_project.yml; a test compares."""
SHARES: Final = {
    "sparse_bp": ("uncounted_ms", "watch_ms + uncounted_ms"),
    "frozen_bp": ("frozen_ms", "watch_ms + frozen_ms"),
    "single_bp": ("single_heartbeat_playbacks", "started_playbacks"),
    "unpositioned_bp": ("unpositioned_heartbeats", "playing_heartbeats"),
    "outrunning_bp": ("outrunning_heartbeats", "playing_heartbeats"),
    "tied_bp": ("tied_heartbeats", "heartbeats"),
    "rejects_bp": ("rejects", "rejects + delivered_heartbeats"),
}
"""Each sign as a share, in basis points: of what it is a part."""
SHARES_OF_PEOPLE: Final = {"unsubscribed_bp": "unsubscribed_watchers", "two_devices_bp": "two_device_watchers"}
"""Each sign that counts people, as a share of those who watched."""
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
    """Return the shares of each device and app version over the latest days, those that play most first."""
    require_platform(principal)
    rows = _told(copy.rows(_BY_PLAYER, LATEST_DAYS))
    return tuple(sorted(rows, key=lambda row: (-row["watch_ms"], row["device"], row["app_version"])))


def player_days(principal: Principal, copy: ServingCopy) -> Rows:
    """Return the same by day, of four weeks."""
    require_platform(principal)
    return _told(copy.rows(_BY_DAY, HISTORY_DAYS))


def player_signs(principal: Principal, copy: ServingCopy) -> Rows:
    """Return what stands out in the latest days, of the players that may be told of, the largest share first."""
    told = {(row["device"], row["app_version"]) for row in players(principal, copy)}
    return tuple(row for row in copy.rows(_SIGNS) if (row["device"], row["app_version"]) in told)


def _told(rows: Iterable[Row]) -> Rows:
    return tuple(
        {**row, **{name: _share_of_people(row, column) for name, column in SHARES_OF_PEOPLE.items()}}
        for row in rows
        if not is_small(row["watchers"]) and (row["watchers"] or (row["device"] and row["rejects_bp"]))
    )


def _share_of_people(row: Row, column: str) -> int | None:
    """Of those who watched, each counted on each of their days; None where they, or the rest, are a small group."""
    if not row["watchers"] or part_of(row["watchers"], row[column]) is None:
        return None
    return int(row[f"{column}_by_day"] * 10_000 // row["watchers_by_day"])
