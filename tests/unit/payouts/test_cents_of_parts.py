"""Shown cents: parts add up, each is within a cent of its exact part, and ties go to the part shown first (§5.6)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.payouts.shown_cents import cents_of_parts, nearest_cents, split_cents

CENT = 10_000_000
PARTS = st.lists(st.integers(0, 10**14), min_size=1, max_size=12)


@given(PARTS.filter(any), st.integers(0, 10**9))
def test_parts_add_up_and_each_is_within_a_cent_of_its_exact_part(parts: list[int], cents: int) -> None:
    shown = split_cents(cents, parts)
    exact = [Fraction(cents * part, sum(parts)) for part in parts]
    assert sum(shown) == cents
    assert all(abs(one - part) < 1 for one, part in zip(shown, exact, strict=True))
    assert all(one == 0 for one, part in zip(shown, parts, strict=True) if not part)


@given(PARTS.filter(any), st.integers(0, 10**9))
def test_the_largest_remainders_come_first_and_of_equal_ones_the_part_shown_first(parts: list[int], cents: int) -> None:
    shown = split_cents(cents, parts)
    exact = [Fraction(cents * part, sum(parts)) for part in parts]
    more = [one > part // 1 for one, part in zip(shown, exact, strict=True)]
    ranks = sorted(range(len(parts)), key=lambda place: (-(exact[place] % 1), place))
    assert [more[place] for place in ranks] == sorted(more, reverse=True)


@given(st.integers(1, 10**12), st.integers(2, 9), st.integers(0, 10**6))
def test_equal_parts_differ_by_a_cent_at_most_and_never_grow_downwards(nanos: int, number: int, cents: int) -> None:
    shown = split_cents(cents, [nanos] * number)
    assert list(shown) == sorted(shown, reverse=True)
    assert shown[0] - shown[-1] <= 1


@given(PARTS)
def test_a_part_of_a_part_adds_up_level_by_level(parts: list[int]) -> None:
    pool = sum(parts) // 3
    direct_cents, pool_cents = cents_of_parts((sum(parts), pool))
    assert direct_cents + pool_cents == nearest_cents(sum(parts) + pool)
    if any(parts):
        assert sum(split_cents(direct_cents, parts)) == direct_cents


@pytest.mark.parametrize(
    ("cents", "parts", "shown"),
    [
        # 4.435 + 3.565 = 8.00 EUR: both end in half a cent, and the one shown first gets it.
        (800, (443 * CENT + CENT // 2, 356 * CENT + CENT // 2), (444, 356)),
        (800, (356 * CENT + CENT // 2, 443 * CENT + CENT // 2), (357, 443)),
        # Less was earned than the parts' nanos, because other artists had larger remainders: 1568 of 1568.43.
        (1568, (1235 * CENT + 1_000_000, 3_333_333_333), (1235, 333)),
        (1, (3, 3, 3), (1, 0, 0)),
        (0, (0, 0), (0, 0)),
        (0, (), ()),
        (5, (0, 7, 0), (0, 5, 0)),
    ],
)
def test_figures_by_hand(cents: int, parts: tuple[int, ...], shown: tuple[int, ...]) -> None:
    assert split_cents(cents, parts) == shown


@pytest.mark.parametrize(("cents", "parts"), [(1, ()), (1, (0, 0)), (-1, (1,)), (1, (2, -1))])
def test_an_amount_without_its_parts_is_refused(cents: int, parts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected an amount and its own parts"):
        split_cents(cents, parts)


@given(st.integers(0, 10**18))
def test_an_amount_alone_is_rounded_half_up(nanos: int) -> None:
    assert nearest_cents(nanos) == (Fraction(nanos, CENT) + Fraction(1, 2)) // 1
    assert nearest_cents(nanos * CENT) == nanos
