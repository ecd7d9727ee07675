"""RULES.md §5: settling a month, in whole nanos."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar

from tests.oracle.catalogue import POOL_CATEGORIES, Catalogue
from tests.oracle.landed_records import Artist, Subscription
from tests.oracle.watch_time import WatchTime

NANOS_PER_CENT = 10_000_000
Key = TypeVar("Key")


@dataclass(frozen=True)
class Policy:
    """RULES.md §7, the row in force."""

    envelope_cents: int = 100
    minimum_live_s: int = 1_800
    minimum_pool_share_bp: int = 1_000
    minimum_payout_cents: int = 1_000
    look_back_months: int = 3
    payment_delay_days: int = 7
    pool_rule: str = "equal"


class Slice(NamedTuple):
    """A part of one period's envelope; an idle period is one slice without artist."""

    period_id: str
    subscriber_id: str
    artist_id: str | None
    category: str | None
    weight: int
    amount_nanos: int
    destination: str


class Blocker(NamedTuple):
    """Why a month cannot close, and the id of the artist, live or month that causes it."""

    reason: str
    subject_id: str


@dataclass(frozen=True)
class Settlement:
    """A settled month; its amounts mean nothing if `blockers` is not empty."""

    month: str
    periods: tuple[str, ...]
    envelope_nanos: int
    slices: tuple[Slice, ...]
    members: tuple[str, ...]
    direct_nanos: Mapping[str, int]
    pool_nanos: Mapping[str, int]
    earned_nanos: Mapping[str, int]
    earned_cents: Mapping[str, int]
    pro_rata_nanos: Mapping[str, int]
    pro_rata_cents: Mapping[str, int]
    watch_ms: Mapping[str, int]
    paying_subscribers: Mapping[str, int]
    blockers: frozenset[Blocker]

    @property
    def pool_total_nanos(self) -> int:
        """The whole pool of the month."""
        return sum(one.amount_nanos for one in self.slices if one.destination == "pool")


def month_of(day: date) -> str:
    """The month of a day, as `YYYY-MM`."""
    return f"{day:%Y-%m}"


def first_day(month: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{month}-01")


def last_day(month: str) -> date:
    """The last day of a month."""
    return first_day(months_later(month, 1)) - timedelta(days=1)


def months_later(month: str, count: int) -> str:
    """The month `count` months after (or before) another.

    >>> months_later("2021-01", -3)
    '2020-10'
    """
    year, number = map(int, month.split("-"))
    years, index = divmod(year * 12 + number - 1 + count, 12)
    return f"{years:04}-{index + 1:02}"


def largest_remainder(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """§5.3: "floor each, then give one each to the largest remainders, ties to the smallest" key.

    >>> largest_remainder(100, {"b": 1, "a": 1, "c": 1})
    {'a': 34, 'b': 33, 'c': 33}
    """
    whole = sum(weights.values())
    parts = {key: total * weights[key] // whole for key in sorted(weights)}
    remainders = {key: total * weights[key] % whole for key in parts}
    left_over = total - sum(parts.values())
    for key in sorted(parts, key=lambda key: (-remainders[key], key))[:left_over]:
        parts[key] += 1
    return parts


def envelope_cents(period: Subscription, policy: Policy) -> int:
    """The part of a payment for artists: "the smaller of the envelope and price - refunded", never below 0."""
    whole = _whole_envelope_cents(period, policy)
    if period.refunded_cents:
        assert period.price_cents is not None, "rejected: refund_without_price"
        return max(0, min(whole, period.price_cents - period.refunded_cents))
    return whole


def _whole_envelope_cents(period: Subscription, policy: Policy) -> int:
    """As delivered, else "the smaller of price_cents and the policy's"."""
    if period.envelope_cents is not None:
        return period.envelope_cents
    if period.price_cents is not None:
        return min(period.price_cents, policy.envelope_cents)
    return policy.envelope_cents


def is_payable(period: Subscription, policy: Policy) -> bool:
    """§5: a period "whose status is `paid`, whose envelope is > 0"."""
    return period.status == "paid" and envelope_cents(period, policy) > 0


def settle(
    month: str,
    periods: Iterable[Subscription],
    *,
    watch: WatchTime,
    catalogue: Catalogue,
    artists: Mapping[str, Artist],
    policy: Policy | None = None,
) -> Settlement:
    """Settle one month over the given periods."""
    policy = policy or Policy()
    payable = sorted(
        (period for period in periods if is_payable(period, policy)),
        key=lambda period: period.period_id,
    )
    blockers: set[Blocker] = set()
    watched = _watched_days(watch)
    slices: list[Slice] = []
    total_weights: dict[tuple[str, str], int] = defaultdict(int)
    watch_weights: dict[str, int] = defaultdict(int)
    for period in payable:
        weights, found = _weights(period, watched[period.subscriber_id], catalogue, artists, policy)
        blockers |= found
        for (artist_id, category), weight in weights.items():
            total_weights[artist_id, category] += weight
            watch_weights[artist_id] += weight
        slices += _slices(period, weights, envelope_cents(period, policy) * NANOS_PER_CENT)

    members = pool_members(month, catalogue, artists, policy)
    envelope_nanos = sum(one.amount_nanos for one in slices)
    if envelope_nanos and not members:
        blockers.add(Blocker("pool_without_members", month))

    direct = _direct(slices)
    to_pool = sum(one.amount_nanos for one in slices if one.destination == "pool")
    pool = _pool_shares(to_pool, members, direct, policy)
    earned = _sum_by_artist(direct, pool)
    blockers |= {
        Blocker("artist_unknown", artist_id)
        for artist_id, nanos in earned.items()
        if nanos and artist_id not in artists
    }
    pro_rata = _pro_rata(envelope_nanos, total_weights, members, policy)
    return Settlement(
        month=month,
        periods=tuple(period.period_id for period in payable),
        envelope_nanos=envelope_nanos,
        slices=tuple(slices),
        members=members,
        direct_nanos=direct,
        pool_nanos=pool,
        earned_nanos=earned,
        earned_cents=_cents(earned),
        pro_rata_nanos=pro_rata,
        pro_rata_cents=_cents(pro_rata),
        watch_ms={artist_id: weight // 10_000 for artist_id, weight in watch_weights.items()},
        paying_subscribers=_paying_subscribers(slices),
        blockers=frozenset(blockers),
    )


def pool_members(month: str, catalogue: Catalogue, artists: Mapping[str, Artist], policy: Policy) -> tuple[str, ...]:
    """§5.4: the artists who share a month's pool, sorted."""
    first, last = first_day(month), last_day(month)
    members = set()
    for live_id, live in catalogue.lives.items():
        is_online = live.published_on is None or live.published_on <= last
        counts = catalogue.counts(live_id, minimum_live_s=policy.minimum_live_s)
        if not (is_online and counts and catalogue.shares_are_whole(live_id)):
            continue
        for artist_id, share_bp in catalogue.shares(live_id):
            artist = artists.get(artist_id)
            has_left = artist is not None and artist.left_on is not None and artist.left_on < first
            in_category = catalogue.category(artist_id, last) in POOL_CATEGORIES
            if share_bp >= policy.minimum_pool_share_bp and in_category and not has_left:
                members.add(artist_id)
    return tuple(sorted(members))


def _watched_days(watch: WatchTime) -> Mapping[str, list[tuple[str, date, int]]]:
    days: dict[str, list[tuple[str, date, int]]] = defaultdict(list)
    for (subscriber_id, live_id, day), (watch_ms, _) in watch.by_day().items():
        days[subscriber_id].append((live_id, day, watch_ms))
    return days


def _weights(
    period: Subscription,
    watched: list[tuple[str, date, int]],
    catalogue: Catalogue,
    artists: Mapping[str, Artist],
    policy: Policy,
) -> tuple[dict[tuple[str, str], int], set[Blocker]]:
    """§5.1: "the sum of c x s over the subscriber's counting credits on `[period_start, period_end)`"."""
    weights: dict[tuple[str, str], int] = defaultdict(int)
    blockers: set[Blocker] = set()
    for live_id, day, watch_ms in watched:
        in_period = period.period_start <= day < period.period_end
        if not (in_period and catalogue.counts(live_id, minimum_live_s=policy.minimum_live_s)):
            continue
        if not catalogue.shares(live_id):
            blockers.add(Blocker("live_without_credits", live_id))
        elif catalogue.has_two_shares_of_one_artist(live_id):
            blockers.add(Blocker("artist_credited_twice", live_id))
        elif not catalogue.shares_are_whole(live_id):
            blockers.add(Blocker("credit_shares_not_10000", live_id))
        for artist_id, share_bp in catalogue.shares(live_id):
            if artist_id not in artists:
                blockers.add(Blocker("artist_unknown", artist_id))
            category = catalogue.category(artist_id, day)
            if category is None:
                blockers.add(Blocker("artist_without_category", artist_id))
            else:
                weights[artist_id, category] += watch_ms * share_bp
    return weights, blockers


def _slices(period: Subscription, weights: Mapping[tuple[str, str], int], envelope_nanos: int) -> list[Slice]:
    """§5.2 and §5.3: the whole envelope to the pool, or split by weight."""
    owner = (period.period_id, period.subscriber_id)
    if not weights:
        return [Slice(*owner, None, None, 0, envelope_nanos, "pool")]
    parts = largest_remainder(envelope_nanos, weights)
    return [
        Slice(*owner, artist_id, category, weights[artist_id, category], nanos, _destination(category))
        for (artist_id, category), nanos in parts.items()
    ]


def _destination(category: str) -> str:
    """ "Slices of emerging and independent artists are direct; of known artists go to the pool"."""
    return "direct" if category in POOL_CATEGORIES else "pool"


def _direct(slices: Iterable[Slice]) -> dict[str, int]:
    direct: dict[str, int] = defaultdict(int)
    for one in slices:
        if one.destination == "direct" and one.artist_id is not None:
            direct[one.artist_id] += one.amount_nanos
    return dict(direct)


def _pool_shares(total: int, members: tuple[str, ...], direct: Mapping[str, int], policy: Policy) -> dict[str, int]:
    """§7: `equal`, or `direct`: "in proportion to their direct amounts, equal where all are 0"."""
    claims = {artist_id: direct.get(artist_id, 0) for artist_id in members}
    if policy.pool_rule == "direct" and any(claims.values()):
        return largest_remainder(total, claims)
    return _equal_parts(total, members)


def _equal_parts(total: int, members: tuple[str, ...]) -> dict[str, int]:
    """§5.4: "in equal parts over its members; leftover nanos to the smallest `artist_id`s"."""
    return largest_remainder(total, dict.fromkeys(members, 1)) if members else {}


def _sum_by_artist(*parts: Mapping[str, int]) -> dict[str, int]:
    return {key: sum(part.get(key, 0) for part in parts) for key in sorted(set().union(*parts))}


def _cents(earned_nanos: Mapping[str, int]) -> dict[str, int]:
    """§5.5: rounded once, "to cents by largest remainder over the artists"."""
    total = sum(earned_nanos.values())
    if not total:
        return dict.fromkeys(earned_nanos, 0)
    return largest_remainder(total // NANOS_PER_CENT, earned_nanos)


def _pro_rata(
    envelope_nanos: int, weights: Mapping[tuple[str, str], int], members: tuple[str, ...], policy: Policy
) -> dict[str, int]:
    """§5, counterfactual: "the same envelopes as one pot"; known slices and an unwatched pot go to the pool."""
    pot = largest_remainder(envelope_nanos, weights) if weights else {}
    direct: dict[str, int] = defaultdict(int)
    for (artist_id, category), nanos in pot.items():
        if _destination(category) == "direct":
            direct[artist_id] += nanos
    to_pool = envelope_nanos - sum(direct.values())
    return _sum_by_artist(direct, _pool_shares(to_pool, members, direct, policy))


def _paying_subscribers(slices: Iterable[Slice]) -> dict[str, int]:
    """Distinct subscribers with a direct slice, per artist."""
    subscribers: dict[Any, set[str]] = defaultdict(set)
    for one in slices:
        if one.destination == "direct":
            subscribers[one.artist_id].add(one.subscriber_id)
    return {artist_id: len(of_artist) for artist_id, of_artist in subscribers.items()}
