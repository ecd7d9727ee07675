"""Amounts in cents as they are shown: on pages, statements, exports and the terminal (RULES.md §5.6).

Only this module turns nanos into shown cents, so that parts add up to the amount that they are parts of and a figure is
the same everywhere. Nothing that is booked or paid is decided here.
"""

from collections.abc import Sequence
from decimal import Decimal

from allive.payouts.user_centric import NANOS_PER_CENT, largest_remainder


def euros(cents: int) -> str:
    """Return an amount of cents in euros, for a sentence of a command.

    >>> euros(123456)
    '1,234.56 EUR'
    """
    return f"{Decimal(cents) / 100:,.2f} EUR"


def split_cents(cents: int, parts: Sequence[int]) -> tuple[int, ...]:
    """Return an amount's parts in cents: split by largest remainder over their nanos, ties to the part shown first.

    Args:
        cents: The amount, 0 or more.
        parts: The nanos of all of its parts in the order shown, each 0 or more.

    Raises:
        ValueError: An amount below 0, or one that no part has nanos for.

    >>> split_cents(800, (4_435_000_000, 3_565_000_000))
    (444, 356)
    """
    if cents < 0 or min(parts, default=0) < 0 or (cents and not any(parts)):
        raise ValueError(f"Found {cents} cents for parts of {list(parts)} nanos; expected an amount and its own parts.")
    return tuple(largest_remainder(cents, dict(enumerate(parts))).values())


def cents_of_parts(parts: Sequence[int]) -> tuple[int, ...]:
    """Return the parts of an amount that is the sum of their nanos, such as direct and pool of a run.

    >>> cents_of_parts((4_435_000_000, 3_565_000_000))
    (444, 356)
    """
    return split_cents(nearest_cents(sum(parts)), parts)


def nearest_cents(nanos: int) -> int:
    """Return an amount that is no part of another shown one, such as a known artist's gift to the pool: half up.

    Envelopes are whole cents, so theirs are exact.

    >>> nearest_cents(15_000_000), nearest_cents(14_999_999)
    (2, 1)
    """
    return (2 * nanos + NANOS_PER_CENT) // (2 * NANOS_PER_CENT)
