"""The records that a settlement reads, and its result: money in nanos, shares in basis points, days as dates."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple

_ALL_SHARES_BP: Final = 10_000


class Period(NamedTuple):
    """A paid period of one subscriber, `[start, end)`, and the part of its price that is split."""

    period_id: str
    subscriber_id: str
    start: date
    end: date
    envelope_nanos: int


class Watched(NamedTuple):
    """One subscriber's time with one work on one day. A day and work can have several rows."""

    subscriber_id: str
    work_id: str
    day: date
    watch_ms: int


@dataclass(frozen=True)
class Work:
    """A work that earns by being watched.

    Attributes:
        shares_bp: Basis points by payee; they sum to 10,000.
        published_on: From when its payees can share the pool; None: from the start.
    """

    shares_bp: Mapping[str, int]
    published_on: date | None = None

    @property
    def has_whole_shares(self) -> bool:
        """Whether the shares are whole basis points, 0 or more, that sum to 10,000."""
        shares = [*self.shares_bp.values()]
        return sum(shares) == _ALL_SHARES_BP and all(type(bp) is int and bp >= 0 for bp in shares)


@dataclass(frozen=True)
class Payee:
    """Somebody who is paid.

    Attributes:
        categories: Each category with the day from which it holds, in any order.
        left_on: From the month after this day, no share of the pool.
    """

    categories: Sequence[tuple[date, str]]
    left_on: date | None = None

    def category(self, on: date) -> str | None:
        """Return the category in force on a day; None before the first."""
        since = [change for change in self.categories if change[0] <= on]
        return max(since)[1] if since else None


@dataclass(frozen=True)
class Catalogue:
    """Works that count, by id, and payees, by id. Watching of any other work is worth nothing."""

    works: Mapping[str, Work]
    payees: Mapping[str, Payee]

    def category(self, payee_id: str, on: date) -> str | None:
        """Return a payee's category on a day; None if there is none."""
        payee = self.payees.get(payee_id)
        return payee.category(on) if payee else None


@dataclass(frozen=True)
class Policy:
    """The rules that platforms choose.

    Attributes:
        direct: Categories that are paid for their own watching, and share the pool. All others' slices go to the pool.
        minimum_pool_share_bp: The share of a work that makes its payee a member of the pool.
        pool_rule: The pool is split equally, or in proportion to the members' direct amounts. `direct` lets fake
            subscriptions take more out of the pool than they pay in; `equal` does not.
    """

    direct: frozenset[str] = frozenset({"emerging", "independent"})
    minimum_pool_share_bp: int = 1_000
    pool_rule: Literal["equal", "direct"] = "equal"

    def __post_init__(self) -> None:
        if self.pool_rule not in {"equal", "direct"}:
            raise ValueError(f"pool_rule {self.pool_rule!r}, expected 'equal' or 'direct'")


class Slice(NamedTuple):
    """A part of one period's envelope. An envelope without watching is one slice, to the pool, without payee."""

    period_id: str
    subscriber_id: str
    payee_id: str | None
    category: str | None
    weight: int
    amount_nanos: int
    is_direct: bool


@dataclass(frozen=True)
class Settlement:
    """A settled month.

    Attributes:
        slices: In order of period, payee and category. Each period's slices sum to its envelope.
        pool_members: In order.
        direct_nanos: By payee, for their own watching.
        pool_nanos: By member, from the pool.
        earned_nanos: By payee, direct and pool together. They sum to the envelopes.
        earned_cents: By payee, rounded once over all of them: they sum to the envelopes' whole cents.
    """

    slices: tuple[Slice, ...]
    pool_members: tuple[str, ...]
    direct_nanos: Mapping[str, int] = field(default_factory=dict)
    pool_nanos: Mapping[str, int] = field(default_factory=dict)
    earned_nanos: Mapping[str, int] = field(default_factory=dict)
    earned_cents: Mapping[str, int] = field(default_factory=dict)

    @property
    def envelope_nanos(self) -> int:
        """The sum of all envelopes."""
        return sum(one.amount_nanos for one in self.slices)


def pool_members(catalogue: Catalogue, policy: Policy, *, first: date, last: date) -> tuple[str, ...]:
    """Return who shares the pool of the days `first` to `last`, in order (docs/rules.md §5.4)."""

    def is_member(payee_id: str, share_bp: int) -> bool:
        payee = catalogue.payees.get(payee_id)
        return (
            payee is not None
            and share_bp >= policy.minimum_pool_share_bp
            and payee.category(last) in policy.direct
            and (payee.left_on is None or payee.left_on >= first)
        )

    online = (
        work
        for work in catalogue.works.values()
        if work.has_whole_shares and (work.published_on is None or work.published_on <= last)
    )
    return tuple(sorted({payee for work in online for payee, bp in work.shares_bp.items() if is_member(payee, bp)}))


def faults_in(periods: Iterable[Period], watched: Sequence[Watched]) -> list[str]:
    """Return the records that contradict themselves.

    Ids twice, days reversed, days that are no dates (a `datetime` is none), amounts that are no whole numbers.
    """
    faults = []
    seen: set[str] = set()
    for period in periods:
        if period.period_id in seen:
            faults.append(f"period {period.period_id!r} twice")
        seen.add(period.period_id)
        if type(period.start) is not date or type(period.end) is not date:
            found = f"{period.start!r} to {period.end!r}"
            faults.append(f"period {period.period_id!r}: {found}, expected dates (without a time)")
        elif period.start >= period.end:
            faults.append(f"period {period.period_id!r} ends on {period.end}, expected a day after {period.start}")
        if type(period.envelope_nanos) is not int or period.envelope_nanos <= 0:
            faults.append(f"period {period.period_id!r}: envelope {period.envelope_nanos!r}, expected nanos above 0")
    faults += [
        f"{one.subscriber_id!r} watched on {one.day!r}, expected a date (without a time)"
        for one in watched
        if type(one.day) is not date
    ]
    faults += [
        f"{one.subscriber_id!r} on {one.day}: watch time {one.watch_ms!r}, expected whole ms, 0 or more"
        for one in watched
        if type(one.watch_ms) is not int or one.watch_ms < 0
    ]
    return faults
