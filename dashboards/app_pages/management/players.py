"""The players section of *Données*: which device and app version reports badly, and what that costs artists."""

from typing import Final

import streamlit as st

from allive.dashboards import charts, charts_management, formatting, layout
from allive.dashboards.app_pages.management import reading
from allive.dashboards.charts_management import Mark
from allive.dashboards.layout import Column
from allive.dashboards.queries.management import players as queries
from allive.dashboards.serving import Row, Rows
from allive.dashboards.texts import Texts
from allive.dashboards.viewer import Viewer

_SHARES: Final = (*queries.SHARES, *queries.SHARES_OF_PEOPLE)
_CHART_DAYS: Final = 14
_MOST_PLAYERS: Final = 12
SHARE_OF_SIGN: Final = {
    "player_sparse_heartbeats": "sparse_bp",
    "player_frozen_positions": "frozen_bp",
    "player_single_heartbeats": "single_bp",
    "player_missing_positions": "unpositioned_bp",
    "player_outrunning_positions": "outrunning_bp",
    "player_tied_heartbeats": "tied_bp",
    "player_rejects": "rejects_bp",
}
"""Each sign in fct_player_signs, with the share that is high when the sign appears."""


def section(viewer: Viewer) -> None:
    """Draw the signs that stand out, the shares of every player, and one share by day."""
    texts = Texts("players", viewer.language)
    players = queries.players(viewer.principal, viewer.copy)
    if not players:
        st.subheader(texts("title"), anchor=False)
        layout.nothing_yet(texts("none"), texts("none_text"))
        return
    signs = queries.player_signs(viewer.principal, viewer.copy)
    statement = texts.plural("statement", len(signs)) if signs else texts("well")
    st.subheader(statement, anchor=False)
    if signs:
        _signs(viewer, signs)
    st.markdown(texts("intro", days=formatting.count(queries.LATEST_DAYS, viewer.language)))
    _players(viewer, players, signs)
    _days(viewer, signs)
    with st.expander(texts("meaning.title")):
        st.markdown("\n".join(_meaning(texts, name) for name in _SHARES))


def _signs(viewer: Viewer, signs: Rows) -> None:
    texts = Texts("players", viewer.language)
    columns = [
        Column("player", texts("column.player")),
        Column("share", texts("column.share"), is_number=True),
        Column("sign", texts("column.sign")),
    ]
    rows = [
        {
            "player": _name(viewer, row),
            "share": formatting.percent(row["share_bp"], viewer.language),
            "sign": texts(f"column.{SHARE_OF_SIGN[row['sign']]}"),
        }
        for row in signs
    ]
    layout.table(
        columns,
        rows,
        caption=texts("signs_caption"),
        viewer=viewer,
        row_keys=[f"{row['device']}-{row['app_version']}-{row['sign']}" for row in signs],
    )
    layout.export_link(viewer, "player-signs")
    found = dict.fromkeys(SHARE_OF_SIGN[row["sign"]] for row in signs)
    st.markdown(
        "\n".join(f"- **{texts(f'column.{name}')}** {formatting.NOTHING} {texts(f'cost.{name}')}" for name in found)
    )


def _players(viewer: Viewer, players: Rows, signs: Rows) -> None:
    texts = Texts("players", viewer.language)
    found = list(dict.fromkeys((row["device"], row["app_version"]) for row in signs))
    places = {player: place for place, player in enumerate(found)}
    standing_out = sorted(players, key=lambda row: places.get((row["device"], row["app_version"]), len(places)))
    columns = [
        Column("player", texts("column.player")),
        *(Column(name, texts(f"column.{name}"), is_number=True) for name in _SHARES),
    ]
    rows = [
        {"player": _name(viewer, row)}
        | {name: formatting.percent(row[name], viewer.language) for name in queries.SHARES}
        | {name: _people(viewer, row, name) for name in queries.SHARES_OF_PEOPLE}
        for row in standing_out
    ]
    layout.table(
        columns,
        rows,
        caption=texts("caption", days=formatting.count(queries.LATEST_DAYS, viewer.language)),
        viewer=viewer,
        row_keys=[f"player-{row['device']}-{row['app_version']}" for row in standing_out],
    )


def _days(viewer: Viewer, signs: Rows) -> None:
    texts = Texts("players", viewer.language)
    days = queries.player_days(viewer.principal, viewer.copy)
    usual = SHARE_OF_SIGN[signs[0]["sign"]] if signs else next(iter(queries.SHARES))
    options = {name: texts(f"column.{name}") for name in queries.SHARES}
    sign = reading.choose(texts("choose"), options, key="player_sign", default=usual)
    known = [row for row in days if row[sign] is not None]
    shown = sorted({row["day"] for row in known})[-_CHART_DAYS:]
    highest: dict[str, int] = {}
    for row in known:
        if row["day"] in shown:
            highest[_name(viewer, row)] = max(row[sign], highest.get(_name(viewer, row), 0))
    names = sorted(highest, key=lambda name: (-highest[name], name))[:_MOST_PLAYERS]
    marks = tuple(
        Mark(name, charts_management.iso(row["day"]), row[sign], formatting.percent(row[sign], viewer.language))
        for name in names
        for row in known
        if row["day"] in shown and _name(viewer, row) == name
    )
    if marks:
        description = texts("chart", sign=options[sign])
        st.markdown(f"**{description}**")
        charts.draw(charts_management.day_heat(marks, look=reading.look(viewer, description)))
    columns = [
        Column("day", texts("column.day")),
        Column("player", texts("column.player")),
        Column("share", options[sign], is_number=True),
    ]
    rows = [
        {
            "day": formatting.day(row["day"], viewer.language),
            "player": _name(viewer, row),
            "share": formatting.percent(row[sign], viewer.language),
        }
        for row in sorted(known, key=lambda row: row["day"], reverse=True)
    ]
    reading.figures(
        viewer,
        columns,
        rows,
        caption=texts("days_caption", sign=options[sign]),
        export="player-days",
        label=texts("figures"),
    )


def _meaning(texts: Texts, name: str) -> str:
    cost = f" {texts(f'cost.{name}')}" if name in queries.SHARES else ""
    return f"- **{texts(f'column.{name}')}** {formatting.NOTHING} {texts(f'meaning.{name}')}{cost}"


def _people(viewer: Viewer, row: Row, name: str) -> str:
    if row[name] is None and row[queries.SHARES_OF_PEOPLE[name]]:
        return Texts("players", viewer.language)("few")
    return formatting.percent(row[name], viewer.language)


def _name(viewer: Viewer, row: Row) -> str:
    """Return a readable name for a device and app version. Versions often repeat the device, so it is removed."""
    texts = Texts("players", viewer.language)
    device = texts(f"device.{row['device'] or 'unknown'}")
    version = row["app_version"].removeprefix(row["device"]).strip()
    return f"{device} {version}" if version else device
