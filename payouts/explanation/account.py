"""The figures of an explanation, from slices to cents. Reads no files, writes no text."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One claimant's part of a split by largest remainder (RULES.md §5.3): nanos of the pool, or cents of the month.

    Attributes:
        units: The amount split over all claimants.
        floor: units * claim / all_claims, rounded down.
        left_over: Units left after all claimants get their floor; one each goes to the first places.
        place: 1-based rank, by remainder and then by id.
        amount: The floor, plus one if the place is among the first `left_over`.
    """

    units: int
    claim: int
    all_claims: int
    claimants: int
    floor: int
    left_over: int
    place: int
    amount: int

    @property
    def has_one_more(self) -> bool:
        """Whether the claimant got one of the units left over."""
        return self.amount > self.floor


def part_of(claimant: str, units: int, claims: Mapping[str, int]) -> Part:
    """Return one claimant's part of `units`; at least one claim must be positive.

    >>> part_of("b", 10, {"a": 1, "b": 1, "c": 1})
    Part(units=10, claim=1, all_claims=3, claimants=3, floor=3, left_over=1, place=2, amount=3)
    """
    all_claims = sum(claims.values())
    left_over = units - sum(units * claim // all_claims for claim in claims.values())
    ranking = sorted(claims, key=lambda key: (-(units * claims[key] % all_claims), key))
    place = ranking.index(claimant) + 1
    floor = units * claims[claimant] // all_claims
    return Part(
        units=units,
        claim=claims[claimant],
        all_claims=all_claims,
        claimants=len(claims),
        floor=floor,
        left_over=left_over,
        place=place,
        amount=floor + (place <= left_over),
    )


@dataclass(frozen=True)
class SubscriberPart:
    """The artist's direct amount from one subscriber's envelopes.

    Each of the subscriber's periods is split on its own; the figures here are sums over them.

    Attributes:
        subscriber_pseudonym: None if fewer than 5 subscribers share one line. Then only their amount is shown, because
            envelopes or weights would reveal how many they are and what they watch.
        amount_cents: Their part of the artist's direct cents, as shown (RULES.md §5.6).
        envelope_nanos: Envelopes of the periods in which the artist was watched.
        weight: The artist's weight, in categories that are paid.
        total_weight: The weight of everything that counts in these periods.
        share_bp: weight / total_weight, rounded half up.
    """

    subscriber_pseudonym: str | None
    amount_nanos: int
    amount_cents: int
    periods: int | None = None
    envelope_nanos: int | None = None
    weight: int | None = None
    total_weight: int | None = None
    share_bp: int | None = None


@dataclass(frozen=True)
class SlicePart:
    """One slice of a period's envelope that watching the artist gave, for finance only (RULES.md §11).

    Attributes:
        period_pseudonym: The pseudonym in every format; a month of format 1 has the period's id.
        destination: `direct`, or `pool` while the artist was known.
        envelope_nanos: The period's envelope.
        total_weight: The weight of everything that counts in the period.
    """

    period_pseudonym: str
    subscriber_pseudonym: str
    category: str
    destination: str
    envelope_nanos: int
    weight: int
    total_weight: int
    amount_nanos: int


@dataclass(frozen=True)
class ToPool:
    """The pool's income from watching the artist while their category was `known`.

    Both are None for fewer than 5 subscribers.
    """

    subscribers: int | None
    amount_nanos: int | None


@dataclass(frozen=True)
class Pool:
    """The month's pool, and the artist's part in it.

    Attributes:
        is_in_equal_parts: True under the rule `equal`, or if no member has a direct amount (RULES.md §7).
        share: None if the artist is not a member, or the pool is empty.
    """

    nanos: int
    rule: str
    is_in_equal_parts: bool
    members: int
    is_member: bool
    share: Part | None


@dataclass(frozen=True)
class Adjustment:
    """The change from settling an earlier month again; `is_amended` is True if its catalogue was corrected."""

    corrects_month: str
    booked_cents: int
    recomputed_cents: int
    adjustment_cents: int
    is_amended: bool


@dataclass(frozen=True)
class BalanceEntry:
    """A returned payment, with its month, or a write-off: cents added to the balance before the run."""

    kind: str
    cents: int
    settlement_month: str | None


@dataclass(frozen=True)
class Explanation:
    """One artist's month, step by step: slices → direct → + pool → earned → cents → adjustments → balance → paid.

    Attributes:
        statement_number: None if the artist has no row in the month: nothing is due.
        category: On the month's last day.
        paying_subscribers: None for 1 to 4 subscribers.
        subscribers: The largest amount first; they sum to `direct_nanos` and to `direct_cents`.
        to_pool: None if no one watched the artist while their category was `known`.
        rounding: How the month's cents were split over the artists' nanos (RULES.md §5.5); None without any nanos.
        direct_cents, pool_cents: The parts of `earned_cents` as shown (RULES.md §5.6).
        opening_cents: The balance that the previous run carried forward.
        slices: Every slice, by period; empty unless they were asked for.
    """

    settlement_month: str
    artist_id: str
    artist_name: str | None
    category: str | None
    statement_number: str | None
    paying_subscribers: int | None
    subscribers: tuple[SubscriberPart, ...]
    lives: int
    direct_nanos: int
    to_pool: ToPool | None
    pool: Pool
    pool_nanos: int
    earned_nanos: int
    rounding: Part | None
    earned_cents: int
    direct_cents: int
    pool_cents: int
    adjustments: tuple[Adjustment, ...]
    opening_cents: int
    balance_entries: tuple[BalanceEntry, ...]
    brought_forward_cents: int
    payable_cents: int
    paid_cents: int
    carried_forward_cents: int
    carry_reason: str | None
    payment_date: str
    minimum_payout_cents: int
    minimum_pool_share_bp: int
    slices: tuple[SlicePart, ...] = ()
