"""Hides numbers of people under five, including those that a subtraction would reveal.

A part of a shown total is shown only if the rest is not a small group either: 12 viewers with 9 new ones reveal that 3
came back. So parts are shown or hidden together. Zero is shown, because no one can be recognised in it.
"""

from collections.abc import Sequence

from allive.dashboards.formatting import FEWEST_SHOWN


def is_small(number: int) -> bool:
    """Return whether a group is so small that its members could be recognised.

    >>> [is_small(number) for number in (0, 1, 4, 5)]
    [False, True, True, False]
    """
    return 0 < number < FEWEST_SHOWN


def part_of(total: int, part: int) -> int | None:
    """Return a part of a shown total, or None if the part, the rest or the total is a small group.

    >>> part_of(12, 7), part_of(12, 9), part_of(12, 3), part_of(12, 12), part_of(4, 0)
    (7, None, None, 12, None)
    """
    if is_small(total) or is_small(part) or is_small(total - part):
        return None
    return part


def parts(numbers: Sequence[int]) -> list[int | None]:
    """Return the parts of a shown total in their order, with None for those to hide.

    Small parts are hidden. If the hidden parts add up to a small group, or there is only one of them, the smallest of
    the others is hidden too, so that subtracting the shown parts from the total reveals nothing.

    >>> parts([20, 3, 2, 8]), parts([20, 3, 8]), parts([20, 0, 8]), parts([9, 3])
    ([20, None, None, 8], [20, None, None], [20, 0, 8], [None, None])
    """
    hidden = {place for place, number in enumerate(numbers) if is_small(number)}
    others = sorted((number, place) for place, number in enumerate(numbers) if number and place not in hidden)
    while hidden and others and (len(hidden) == 1 or is_small(sum(numbers[place] for place in hidden))):
        hidden.add(others.pop(0)[1])
    return [None if place in hidden else number for place, number in enumerate(numbers)]
