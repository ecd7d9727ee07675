"""A month settled under another policy, compared with figures calculated by hand on a warehouse of a few rows."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from allive.payouts.settlement import Settlement
from allive.payouts.simulation import Scenario, settle_under_each
from allive.payouts.simulation.settling import Frame, SimulatedSettlement, settle_under

MONTH = "2021-02"
FRAME = Frame(first_day=date(2021, 2, 1), last_day=date(2021, 2, 28), is_closed=False, catalogue=None)
POLICY = {
    "policy_valid_from": "2015-01-01",
    "price_cents": 499,
    "envelope_cents": 100,
    "minimum_live_s": 1_800,
    "minimum_pool_share_bp": 1_000,
    "minimum_payout_cents": 1_000,
    "look_back_months": 3,
    "payment_delay_days": 7,
    "pool_rule": "equal",
}
CENT = 10_000_000
_TABLES = """
    create schema intermediate;
    create schema staging;
    create table intermediate.int_periods_settled as from (values
        ('p1', 's1', date '2021-02-01', date '2021-03-01', '2021-02'),
        ('p2', 's2', date '2021-02-01', date '2021-03-01', '2021-02'),
        ('p3', 's3', date '2021-02-01', date '2021-03-01', '2021-02'),
        ('p9', 's1', date '2021-03-01', date '2021-04-01', '2021-03')
    ) as t(period_id, subscriber_id, period_start, period_end, settlement_month);
    create table staging.stg_billing__periods as from (values
        ('p1', 499, null, null), ('p2', 499, 100, 0), ('p3', null, 30, null), ('p9', 499, 100, null)
    ) as t(period_id, price_cents, envelope_cents, refunded_cents);
    create table intermediate.int_playback_days as from (values
        ('s1', 'long', date '2021-02-03', 3000),
        ('s1', 'short', date '2021-02-04', 9000),
        ('s2', 'long', date '2021-02-05', 1000),
        ('s2', 'short', date '2021-02-05', 0),
        ('s2', 'star', date '2021-02-28', 1000),
        ('s1', 'long', date '2021-03-01', 77)
    ) as t(subscriber_id, live_id, event_day, watch_ms);
    create table intermediate.int_catalogue_lives as from (values
        (null::varchar, 'long', 'live', true, 1800, null),
        (null, 'short', 'live', true, 1799, null),
        (null, 'star', 'live', true, 3600, null),
        (null, 'clip', 'clip', true, 3600, null),
        (null, 'mine', 'live', false, 3600, null),
        (null, 'later', 'live', true, 3600, date '2021-03-01'),
        ('2021-01', 'short', 'live', true, 3600, null)
    ) as t(catalogue, live_id, kind, exclusive, duration_s, published_on);
    create table intermediate.int_catalogue_credits as from (values
        (null::varchar, 'long', 'ann', 7500), (null, 'long', 'bob', 2500),
        (null, 'short', 'cleo', 9500), (null, 'short', 'bob', 500),
        (null, 'star', 'kim', 10000),
        (null, 'clip', 'dan', 10000), (null, 'mine', 'dan', 10000), (null, 'later', 'dan', 10000)
    ) as t(catalogue, live_id, artist_id, share_bp);
    create table intermediate.int_credit_sets as
        select catalogue, live_id, true as is_valid from intermediate.int_catalogue_credits group by all;
    create table intermediate.int_catalogue_categories as from (values
        (null::varchar, 'ann', 'emerging', date '2020-01-01', null),
        (null, 'bob', 'independent', date '2020-01-01', null),
        (null, 'cleo', 'emerging', date '2020-01-01', null),
        (null, 'dan', 'emerging', date '2020-01-01', null),
        (null, 'kim', 'emerging', date '2020-01-01', date '2021-02-10'),
        (null, 'kim', 'known', date '2021-02-10', null)
    ) as t(catalogue, artist_id, category, valid_from, valid_until);
    create table staging.stg_catalogue__artists as from (values
        ('ann', null::date), ('bob', date '2021-02-01'), ('cleo', null), ('dan', null), ('kim', null)
    ) as t(artist_id, left_on);
"""


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three periods: s1 watched `long` (and `short`, which does not count), s2 `long` and `star`, s3 nothing."""
    with duckdb.connect() as con:
        con.execute(_TABLES)
        yield con


def settled(con: duckdb.DuckDBPyConnection, scenario: Scenario | None = None) -> SimulatedSettlement:
    scenario = scenario or Scenario()
    settlement = Settlement(MONTH, {"open_periods": 5}, POLICY, (), (), {}, (), {})
    policy = scenario.applied_to(POLICY)
    return settle_under(con, settlement, FRAME, policy, is_pro_rata=scenario.is_pro_rata)


def figures(found: SimulatedSettlement) -> dict[str, tuple[int, int, int]]:
    """Direct nanos, pool nanos and cents of each artist who earned any."""
    return {
        artist.artist_id: (artist.direct_nanos, artist.pool_nanos, artist.earned_cents)
        for artist in found.settlement.artists
        if artist.earned_nanos
    }


def test_its_own_policy(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Ann has 75 % of s1's euro and of half of s2's; the other half, as kim is known then, and s3's 30 are the pool."""
    found = settled(warehouse)
    assert found.settlement.pool_members == ("ann", "bob")
    assert figures(found) == {
        "ann": (75 * CENT + 375_000_000, 40 * CENT, 153),  # 152.5: the cent left over goes to the smaller id
        "bob": (25 * CENT + 125_000_000, 40 * CENT, 77),
    }
    totals = found.settlement.totals
    assert (totals["periods"], totals["idle_periods"], totals["open_periods"]) == (3, 1, 5)
    assert (totals["envelope_nanos"], totals["pool_nanos"]) == (230 * CENT, 80 * CENT)
    watched = {artist.artist_id: (artist.watch_ms, artist.paying_subscribers) for artist in found.settlement.artists}
    assert watched == {"ann": (3_000, 2), "bob": (1_000, 2), "cleo": (0, 0), "dan": (0, 0), "kim": (1_000, 0)}


def test_another_envelope_is_for_whoever_has_the_policys_delivered_or_not(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    """p1 is delivered without an envelope and p2 with the policy's, so each gets 200. p3 keeps its own, 30."""
    found = settled(warehouse, Scenario(envelope_cents=200))
    assert found.own_envelopes == 1
    assert figures(found) == {"ann": (225 * CENT, 65 * CENT, 290), "bob": (75 * CENT, 65 * CENT, 140)}


def test_an_envelope_is_never_above_the_price(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = settled(warehouse, Scenario(envelope_cents=5_000))
    assert found.settlement.totals["envelope_nanos"] == (2 * 499 + 30) * CENT


def test_a_shorter_live_counts_and_makes_members(warehouse: duckdb.DuckDBPyConnection) -> None:
    """`short` is 9 of s1's 12 s: cleo has 71.25 %, bob 3.75 and 6.25 %, ann 18.75 %. Cleo joins the pool."""
    found = settled(warehouse, Scenario(minimum_live_s=1_799))
    assert found.settlement.pool_members == ("ann", "bob", "cleo")
    direct = {artist: nanos for artist, (nanos, _, _) in figures(found).items()}
    assert direct == {"ann": 187_500_000 + 375_000_000, "bob": 100_000_000 + 125_000_000, "cleo": 712_500_000}
    assert {pool for _, pool, _ in figures(found).values()} == {266_666_667, 266_666_666}


@pytest.mark.parametrize(("share_bp", "members"), [(2_500, ("ann", "bob")), (2_501, ("ann",)), (7_501, ())])
def test_a_larger_share_makes_fewer_members(
    warehouse: duckdb.DuckDBPyConnection, share_bp: int, members: tuple[str, ...]
) -> None:
    assert settled(warehouse, Scenario(minimum_pool_share_bp=share_bp)).settlement.pool_members == members


def test_the_pool_by_direct_amounts(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = settled(warehouse, Scenario(pool_rule="direct"))
    assert figures(found) == {"ann": (1_125_000_000, 60 * CENT, 173), "bob": (375_000_000, 20 * CENT, 57)}


def test_pro_rata_is_one_pot_by_watch_time(warehouse: duckdb.DuckDBPyConnection) -> None:
    """230 cents over 5 s: ann has 3 s and bob 1 s; kim's 1 s, 46 cents, goes to the pool."""
    found = settled(warehouse, Scenario(is_pro_rata=True))
    assert figures(found) == {"ann": (138 * CENT, 23 * CENT, 161), "bob": (46 * CENT, 23 * CENT, 69)}


@pytest.mark.parametrize(
    "damage",
    [
        "update intermediate.int_credit_sets set is_valid = false where live_id = 'star'",
        "delete from intermediate.int_catalogue_credits where live_id = 'star'",
        "delete from intermediate.int_catalogue_categories where category = 'known'",
    ],
)
def test_a_live_whose_credits_or_categories_do_not_hold_is_left_out_and_named(
    warehouse: duckdb.DuckDBPyConnection, damage: str
) -> None:
    """s2's whole euro then goes to `long`."""
    assert settled(warehouse).lives_left_out == ()
    warehouse.execute(damage)
    found = settled(warehouse)
    assert found.lives_left_out == ("star",)
    assert {artist: nanos for artist, (nanos, _, _) in figures(found).items()} == {"ann": 150 * CENT, "bob": 50 * CENT}


@pytest.mark.parametrize(
    ("scenario", "changed"),
    [
        (Scenario(), {}),
        (Scenario(minimum_payout_cents=0), {"minimum_payout_cents": 0}),
        (Scenario(envelope_cents=1, is_pro_rata=True), {"envelope_cents": 1}),
        (Scenario(pool_rule="direct", minimum_live_s=0), {"pool_rule": "direct", "minimum_live_s": 0}),
    ],
)
def test_a_policy_keeps_what_is_not_changed(scenario: Scenario, changed: dict[str, Any]) -> None:
    assert scenario.applied_to(POLICY) == POLICY | changed


@pytest.mark.parametrize("damage", ["select 1", "delete from intermediate.int_credit_sets where live_id = 'star'"])
def test_several_policies_at_once_are_each_one_by_one(warehouse: duckdb.DuckDBPyConnection, damage: str) -> None:
    warehouse.execute(damage)
    scenarios = {
        "unchanged": Scenario(),
        "no envelope": Scenario(envelope_cents=0),
        "less": Scenario(envelope_cents=33),
        "above the price": Scenario(envelope_cents=5_000),
        "shorter": Scenario(minimum_live_s=1_799),
        "longer": Scenario(minimum_live_s=3_600),
        "nothing counts": Scenario(minimum_live_s=9_999),
        "larger share": Scenario(minimum_pool_share_bp=2_501),
        "direct": Scenario(pool_rule="direct", envelope_cents=77),
        "pro rata": Scenario(is_pro_rata=True),
    }
    settlement = Settlement(MONTH, {"open_periods": 5}, POLICY, (), (), {}, (), {})
    at_once = settle_under_each(warehouse, settlement, FRAME, scenarios)
    assert at_once.keys() == scenarios.keys()
    for name, scenario in scenarios.items():
        alone = settled(warehouse, scenario)
        assert figures(at_once[name]) == figures(alone), name
        assert at_once[name].settlement.totals == alone.settlement.totals, name
        assert at_once[name].settlement.pool_members == alone.settlement.pool_members, name
        assert at_once[name].own_envelopes == alone.own_envelopes, name
