"""Every artist's amounts on the rendered page equal those in the closed months' files and the warehouse's marts."""

import csv
from collections import defaultdict
from fractions import Fraction
from math import floor

import duckdb
import pytest

from allive.dashboards.access import Role
from tests.browser.visitor import cents

AMOUNTS = (
    "paid_cents",
    "carried_forward_cents",
    "direct_cents",
    "pool_cents",
    "earned_cents",
    "adjustment_cents",
    "brought_forward_cents",
)
ESTIMATES = ("current_direct_cents", "current_pool_cents", "current_earned_cents")
OWN_SIGN_INS = 3


@pytest.fixture(scope="module")
def booked(demo_home):
    """The closed months' files: artist → month → line."""
    found = defaultdict(dict)
    for path in sorted(demo_home.glob("payouts/*/artist_payouts.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                found[line["artist_id"]][line["settlement_month"]] = line
    return found


@pytest.fixture(scope="module")
def estimates(demo_home):
    """The marts' estimates for the first open month with subscriptions: artist → figures."""
    with duckdb.connect(demo_home / "warehouse" / "allive.duckdb", read_only=True) as con:
        result = con.execute(
            """
            with running as (
                select min(settlement_month) as settlement_month
                from marts.fct_settlement_months
                where not is_closed and periods > 0
            )
            select artist_id, current_direct_nanos, current_pool_nanos, current_earned_cents
            from marts.fct_artist_months
            inner join running using (settlement_month)
            """
        )
        names = [column[0] for column in result.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in result.fetchall()}


@pytest.fixture(scope="module")
def artists(demo_home):
    """The artists of the season by id."""
    with duckdb.connect(demo_home / "warehouse" / "allive.duckdb", read_only=True) as con:
        found = dict(con.execute("select artist_id, artist_name from marts.dim_artists order by 1").fetchall())
    assert len(found) == 50
    return found


def printed(column, line):
    """The amount that a page shows of a line, in cents: direct is rounded half up, and the pool is the rest (§5.6)."""
    if not column.endswith(("direct_cents", "pool_cents")):
        return int(line[column])
    prefix = "current_" if column.startswith("current_") else ""
    direct, pool, earned = (int(line[prefix + name]) for name in ("direct_nanos", "pool_nanos", "earned_cents"))
    share = floor(Fraction(earned * direct, direct + pool) + Fraction(1, 2)) if direct + pool else 0
    return share if column.endswith("direct_cents") else earned - share


def wrong_figures(visitor, lines, estimate):
    """Return the differences between a page of earnings and its artist's lines and estimate."""
    rows = {row["row"]: row for row in visitor.cells() if set(AMOUNTS) <= set(row) and row["row"] != "total"}
    wrong = [] if set(rows) == set(lines) else [f"months {sorted(rows)}, expected {sorted(lines)}"]
    wrong += [
        f"{month} {column}: {row[column]}, expected {printed(column, lines[month])} cents"
        for month, row in rows.items()
        for column in AMOUNTS
        if month in lines and cents(row[column]) != printed(column, lines[month])
    ]
    figures = visitor.figures()
    has_estimate = estimate is not None and (lines or estimate["current_earned_cents"])
    if has_estimate:
        wrong += [
            f"{name}: {figures.get(name)}, expected {printed(name, estimate)} cents"
            for name in ESTIMATES
            if name not in figures or cents(figures[name]) != printed(name, estimate)
        ]
    if lines:
        last = lines[max(lines)]
        wrong += [
            f"{name}: {figures[name]}, expected {last[name]} cents"
            for name in ("paid_cents", "carried_forward_cents", "earned_cents")
            if name in figures and cents(figures[name]) != int(last[name])
        ]
        if "paid_cents" not in figures and "carried_forward_cents" not in figures:
            wrong.append(f"no outcome of {max(lines)} among {sorted(figures)}")
    return wrong


def test_every_artist_reads_what_was_booked_and_what_the_marts_estimate(signed_in, artists, booked, estimates):
    manager = signed_in(Role.MANAGEMENT)
    manager.open("earnings")
    wrong = {}
    for artist_id, name in artists.items():
        manager.view_as(name)
        found = wrong_figures(manager, booked.get(artist_id, {}), estimates.get(artist_id))
        if found:
            wrong[artist_id] = found
    assert not wrong
    assert len(booked) > 40


def test_artists_who_sign_in_themselves_read_the_same(window, dashboards, artists, booked, estimates):
    paid = sorted(booked, key=lambda artist_id: -int(booked[artist_id]["2021-03"]["paid_cents"]))
    for artist_id in (paid[0], paid[len(paid) // 2], paid[-1])[:OWN_SIGN_INS]:
        artist = window()
        artist.accept(dashboards.invite(f"{artist_id}@example.org", Role.ARTIST, artist_id))
        assert wrong_figures(artist, booked[artist_id], estimates.get(artist_id)) == [], artists[artist_id]
        artist.page.context.close()
