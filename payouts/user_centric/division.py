"""The divisions of the user-centric split, in plain integers (docs/rules.md §5).

Verification uses them as its second implementation, so closing and its SQL must not.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

NANOS_PER_CENT: Final = 10_000_000

_Key = TypeVar("_Key", str, tuple[str, str], int)


def largest_remainder(units: int, weights: Mapping[_Key, int]) -> dict[_Key, int]:
    """Split whole units by weight: floors, then one each to the largest remainders, ties to the smallest key (§5.3).

    Python orders text by code point, which is the order of its UTF-8 bytes. If all weights are 0, so is
    every part.

    >>> largest_remainder(100, {"b": 1, "a": 1, "c": 1})
    {'b': 33, 'a': 34, 'c': 33}
    """
    total = sum(weights.values())
    if not total:
        return dict.fromkeys(weights, 0)
    parts = {key: units * weight // total for key, weight in weights.items()}
    left_over = units - sum(parts.values())
    if left_over:
        for key in sorted(weights, key=lambda key: (-(units * weights[key] % total), key))[:left_over]:
            parts[key] += 1
    return parts


def pool_shares(pool_nanos: int, members: Iterable[str], direct: Mapping[str, int], *, rule: str) -> dict[str, int]:
    """Split the pool over its members: in equal parts, or in proportion to their direct amounts (§5.4, §7).

    >>> pool_shares(5, ["a", "b"], {"b": 3}, rule="equal"), pool_shares(5, ["a", "b"], {"b": 3}, rule="direct")
    ({'a': 3, 'b': 2}, {'a': 0, 'b': 5})
    """
    claims = {member: direct.get(member, 0) if rule == "direct" else 1 for member in members}
    return largest_remainder(pool_nanos, claims if any(claims.values()) else dict.fromkeys(claims, 1))


def earned_cents(earned_nanos: Mapping[str, int]) -> dict[str, int]:
    """Round a month's earnings to cents, once, over all artists (§5.5)."""
    return largest_remainder(sum(earned_nanos.values()) // NANOS_PER_CENT, earned_nanos)
