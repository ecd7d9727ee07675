"""RULES.md §5, counterfactual: what one pot would have paid, calculated by hand."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.payouts.statements.pro_rata import pro_rata_cents, read_pro_rata_cents

EURO = 1_000_000_000


def test_known_artists_slices_go_to_the_pool_in_equal_parts() -> None:
    # 4 €: a has 2/4 directly, b 1/4, k (known) 1/4 and c nothing. The pool of 1 € goes to a, b and c in thirds:
    # 333,333,334 nanos for a, 333,333,333 each for b and c. Cents: 233.33, 133.33, 33.33; the one left over goes to
    # the largest remainder, a's.
    weights = {("a", "emerging"): 20, ("b", "independent"): 10, ("k", "known"): 10}
    assert pro_rata_cents(4 * EURO, weights, pool_members=["a", "b", "c"], pool_rule="equal") == {
        "a": 234,
        "b": 133,
        "c": 33,
    }


def test_an_artist_in_two_categories_is_paid_for_one() -> None:
    weights = {("a", "emerging"): 1, ("a", "known"): 1}
    assert pro_rata_cents(2 * EURO, weights, pool_members=["b"], pool_rule="equal") == {"a": 100, "b": 100}


def test_without_any_watching_all_is_pool() -> None:
    assert pro_rata_cents(1 * EURO, {}, pool_members=["b", "a"], pool_rule="equal") == {"a": 50, "b": 50}


def test_ties_go_to_the_smallest_id_bytewise() -> None:
    # 100 cents in three parts: the one left over goes to "Z", which comes before "a" and "é" bytewise.
    members = ["é", "a", "Z"]
    assert pro_rata_cents(1 * EURO, {}, pool_members=members, pool_rule="equal") == {"Z": 34, "a": 33, "é": 33}


def test_the_direct_pool_rule_follows_direct_amounts() -> None:
    # 4 €: a has 1 € and b 2 € directly; the pool of 1 € is split 1 : 2 : 0, that is 33.33 and 66.67 cents.
    weights = {("a", "emerging"): 1, ("b", "emerging"): 2, ("k", "known"): 1}
    cents = pro_rata_cents(4 * EURO, weights, pool_members=["a", "b", "c"], pool_rule="direct")
    assert {artist: cents.get(artist, 0) for artist in "abc"} == {"a": 133, "b": 267, "c": 0}


def test_the_direct_pool_rule_is_equal_where_nobody_has_a_direct_amount() -> None:
    cents = pro_rata_cents(1 * EURO, {("k", "known"): 1}, pool_members=["a", "b"], pool_rule="direct")
    assert cents == {"a": 50, "b": 50}


@given(
    weights=st.dictionaries(
        st.tuples(st.sampled_from("abcdk"), st.sampled_from(["emerging", "known"])), st.integers(0, 10**30), max_size=6
    ),
    euros=st.integers(0, 10**9),
)
def test_every_cent_is_given_and_none_is_far_from_its_fraction(weights: dict[tuple[str, str], int], euros: int) -> None:
    members = ["a", "b", "z"]
    cents = pro_rata_cents(euros * EURO, weights, pool_members=members, pool_rule="equal")
    assert sum(cents.values()) == euros * 100
    direct = {
        artist_id: Fraction(weights.get((artist_id, "emerging"), 0) * euros * 100, sum(weights.values()) or 1)
        for artist_id in "abcdkz"
    }
    pool_share = Fraction(euros * 100 - sum(direct.values()), len(members))
    for artist_id, exact in direct.items():
        assert abs(cents.get(artist_id, 0) - exact - pool_share * (artist_id in members)) < 1 + Fraction(1, 10**6)


@pytest.mark.parametrize("rows_per_group", [1, 2, 100])
def test_read_from_the_slices_of_a_closed_month(tmp_path: Path, rows_per_group: int) -> None:
    # User-centric, a and b get a euro each; pro-rata, b's 90 % of the time gives 1.80 € of the two watched euros,
    # and the idle euro is in the pot as well: 3 € split 1 : 9.
    money = pa.decimal128(38, 0)
    rows = [
        ("p1", None, None, 0, EURO, "pool"),
        ("p2", "a", "emerging", 10, EURO, "direct"),
        ("p3", "b", "emerging", 90, EURO, "direct"),
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    table = pa.table(
        {
            "period_id": columns[0],
            "artist_id": columns[1],
            "category": columns[2],
            "weight": pa.array(map(Decimal, columns[3]), money),
            "amount_nanos": pa.array(map(Decimal, columns[4]), money),
            "destination": columns[5],
        }
    )
    pq.write_table(table, tmp_path / "slices.parquet", row_group_size=rows_per_group)
    (tmp_path / "control.json").write_text('{"pool_members": ["a", "b"], "policy": {"pool_rule": "equal"}}')
    assert read_pro_rata_cents(tmp_path) == {"a": 30, "b": 270}
