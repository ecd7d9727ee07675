"""Settles a month: weights, slices, the pool, and one rounding to cents (docs/rules.md §5)."""

import calendar
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from allive.payouts.user_centric.division import earned_cents, largest_remainder, pool_shares
from allive.payouts.user_centric.records import (
    Catalogue,
    Period,
    Policy,
    Settlement,
    Slice,
    Watched,
    faults_in,
    pool_members,
)

_Weights = Mapping[tuple[str, str], int]
_NAMED: Final = 3


class BlockedError(ValueError):
    """The month cannot be settled from these records.

    Attributes:
        reasons: Each says what was found and what was expected.
    """

    def __init__(self, month: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        more = f", and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
        super().__init__(f"{month} cannot be settled: {'; '.join(reasons[:_NAMED])}{more}")


def settle(
    periods: Iterable[Period], watched: Iterable[Watched], catalogue: Catalogue, policy: Policy, *, month: str
) -> Settlement:
    """Settle a month.

    Args:
        periods: The paid periods that this month settles, each once.
        watched: Watch time at least of the periods' subscribers on the periods' days; the rest is ignored.
        catalogue: The works that count, and the payees with their categories.
        policy: The rules in force on the month's last day.
        month: `YYYY-MM`; its last day decides who shares the pool.

    Raises:
        ValueError: The month is not written `YYYY-MM`.
        BlockedError: A record contradicts itself, time that counts has no payee or category, or nobody shares the pool.

    >>> from datetime import date
    >>> from allive.payouts.user_centric import Catalogue, Payee, Period, Policy, Watched, Work, settle
    >>> start, end = date(2026, 10, 1), date(2026, 11, 1)
    >>> catalogue = Catalogue(
    ...     works={"gig": Work({"nina": 7_500, "stella": 2_500}), "arena": Work({"star": 10_000})},
    ...     payees={
    ...         "nina": Payee([(start, "emerging")]),
    ...         "stella": Payee([(start, "independent")]),
    ...         "star": Payee([(start, "known")]),
    ...     },
    ... )
    >>> settled = settle(
    ...     [Period("p1", "ada", start, end, 1_000_000_000), Period("p2", "ben", start, end, 1_000_000_000)],
    ...     [Watched("ada", "gig", start, 60_000), Watched("ben", "gig", start, 1), Watched("ben", "arena", start, 1)],
    ...     catalogue,
    ...     Policy(),
    ...     month="2026-10",
    ... )
    >>> settled.direct_nanos  # all of Ada's euro, half of Ben's
    {'nina': 1125000000, 'stella': 375000000}
    >>> settled.pool_nanos  # the other half of Ben's
    {'nina': 250000000, 'stella': 250000000}
    >>> settled.earned_cents
    {'nina': 138, 'stella': 62}
    """
    periods, watched = sorted(periods, key=lambda period: period.period_id), [*watched]
    first, last = _days_of(month)
    reasons = faults_in(periods, watched)
    by_subscriber: defaultdict[str, list[Watched]] = defaultdict(list)
    for one in watched:
        by_subscriber[one.subscriber_id].append(one)
    slices: list[Slice] = []
    blocked: dict[str, None] = {}
    if not reasons:
        for period in periods:
            weights = _weigh(period, by_subscriber[period.subscriber_id], catalogue, blocked)
            slices += split(period, weights, policy)
    members = pool_members(catalogue, policy, first=first, last=last)
    if periods and not members:
        blocked[f"nobody shares the pool of {month}, expected a payee in {', '.join(sorted(policy.direct))}"] = None
    if reasons or blocked:
        raise BlockedError(month, [*reasons, *blocked])
    direct: Counter[str] = Counter()
    for one_slice in slices:
        if one_slice.is_direct:
            direct[str(one_slice.payee_id)] += one_slice.amount_nanos
    to_pool = sum(one.amount_nanos for one in slices if not one.is_direct)
    pool = pool_shares(to_pool, members, direct, rule=policy.pool_rule)
    earned = {payee: direct[payee] + pool.get(payee, 0) for payee in sorted({*direct, *pool})}
    return Settlement(tuple(slices), members, dict(sorted(direct.items())), pool, earned, earned_cents(earned))


def split(period: Period, weights: _Weights, policy: Policy) -> list[Slice]:
    """Split one envelope over (payee, category) by weight; without any weight, all of it goes to the pool.

    >>> from datetime import date
    >>> period = Period("p1", "ada", date(2026, 10, 1), date(2026, 11, 1), 100)
    >>> [one.amount_nanos for one in split(period, {("b", "emerging"): 2, ("a", "emerging"): 1}, Policy())]
    [33, 67]
    """
    owner = (period.period_id, period.subscriber_id)
    watched = {key: weights[key] for key in sorted(weights) if weights[key]}
    if not watched:
        return [Slice(*owner, None, None, 0, period.envelope_nanos, is_direct=False)]
    return [
        Slice(*owner, payee_id, category, watched[payee_id, category], nanos, is_direct=category in policy.direct)
        for (payee_id, category), nanos in largest_remainder(period.envelope_nanos, watched).items()
    ]


def _weigh(
    period: Period, watched: Iterable[Watched], catalogue: Catalogue, blocked: dict[str, None]
) -> Counter[tuple[str, str]]:
    """Return the weight of each (payee, category), in ms times basis points; add what blocks the month to `blocked`."""
    weights: Counter[tuple[str, str]] = Counter()
    for one in watched:
        work = catalogue.works.get(one.work_id)
        if work is None or not one.watch_ms or not period.start <= one.day < period.end:
            continue
        if not work.has_whole_shares:
            shares = ", ".join(f"{payee} {bp}" for payee, bp in sorted(work.shares_bp.items()))
            expected = "whole basis points, 0 or more, that sum to 10000"
            blocked[f"work {one.work_id!r} was watched: its shares are {shares}; expected {expected}"] = None
            continue
        for payee_id, share_bp in work.shares_bp.items():
            if not share_bp:
                continue
            category = catalogue.category(payee_id, one.day)
            if category is None:
                blocked[f"payee {payee_id!r} was watched on {one.day}, expected a category on that day"] = None
            else:
                weights[payee_id, category] += one.watch_ms * share_bp
    return weights


def _days_of(month: str) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise ValueError(f"month {month!r}, expected YYYY-MM") from None
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])
