"""Which numbers of people may be shown: groups under five are hidden, also where a difference would tell them.

A part of a shown total is told only if what it leaves is told as well: 12 viewers of whom 9 are new are 3
who came back. So parts are shown or hidden together. Zero is no group: nobody can be recognised in it.
"""

from collections.abc import Sequence

from dashboards.formatting import FEWEST_SHOWN


def is_small(number: int) -> bool:
    """Return whether so few people could be recognised.

    >>> [is_small(number) for number in (0, 1, 4, 5)]
    [False, True, True, False]
    """
    return 0 < number < FEWEST_SHOWN


def part_of(total: int, part: int) -> int | None:
    """Return a part of a shown total; None where it, or what it leaves of the total, is a small group.

    >>> part_of(12, 7), part_of(12, 9), part_of(12, 3), part_of(12, 12), part_of(4, 0)
    (7, None, None, 12, None)
    """
    if is_small(total) or is_small(part) or is_small(total - part):
        return None
    return part


def parts(numbers: Sequence[int]) -> list[int | None]:
    """Return the parts of a total that may stand beside it, in their order.

    Small ones are hidden. If what is hidden adds up to a small group, or is only one part, the smallest of the others
    is hidden with it, so that the total less what is shown tells nothing.

    >>> parts([20, 3, 2, 8]), parts([20, 3, 8]), parts([20, 0, 8]), parts([9, 3])
    ([20, None, None, 8], [20, None, None], [20, 0, 8], [None, None])
    """
    hidden = {place for place, number in enumerate(numbers) if is_small(number)}
    others = sorted((number, place) for place, number in enumerate(numbers) if number and place not in hidden)
    while hidden and others and (len(hidden) == 1 or is_small(sum(numbers[place] for place in hidden))):
        hidden.add(others.pop(0)[1])
    return [None if place in hidden else number for place, number in enumerate(numbers)]
