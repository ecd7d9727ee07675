"""RULES.md §6: months closed one after another, each on the records that had landed by then."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from tests.oracle.catalogue import Catalogue
from tests.oracle.landed_records import Artist, Subscription, paris_day
from tests.oracle.settlement import (
    Blocker,
    Policy,
    Settlement,
    first_day,
    is_payable,
    last_day,
    month_of,
    months_later,
    settle,
)
from tests.oracle.snapshot import Snapshot

MINIMUM_IBAN_AGE_DAYS = 10
IBAN_LENGTHS = {"FR": 27, "BE": 16, "DE": 22, "ES": 24, "IT": 27, "LU": 20, "NL": 18}
LENGTHS_OUTSIDE_SEPA = {"BR": 29, "TR": 26, "XK": 20}


class CannotCloseError(Exception):
    """A month that must not close, with its blockers."""

    def __init__(self, blockers: frozenset[Blocker]) -> None:
        super().__init__(sorted(blockers))
        self.blockers = blockers


@dataclass(frozen=True)
class Adjustment:
    """One line of a run that corrects a month of the look-back."""

    corrects_month: str
    artist_id: str
    booked_cents: int
    recomputed_cents: int

    @property
    def adjustment_cents(self) -> int:
        """The difference that this run books."""
        return self.recomputed_cents - self.booked_cents


@dataclass(frozen=True)
class PayoutLine:
    """One artist's line of a run (`artist_payouts.csv`)."""

    artist_id: str
    category: str | None
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int
    pool_nanos: int
    earned_nanos: int
    earned_cents: int
    adjustment_cents: int
    brought_forward_cents: int
    paid_cents: int
    carried_forward_cents: int
    carry_reason: str | None


@dataclass(frozen=True)
class Run:
    """A closed month."""

    month: str
    settlement: Settlement
    adjustments: tuple[Adjustment, ...]
    resettled: Mapping[str, Settlement]
    lines: tuple[PayoutLine, ...]


@dataclass(frozen=True)
class Standing:
    """§10: holds, and IBANs that were set aside or confirmed, as machines write them."""

    held: bool = False
    set_aside: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()


@dataclass
class History:
    """The closed months so far, and the state that the next one starts from."""

    policy: Policy = field(default_factory=Policy)
    runs: dict[str, Run] = field(default_factory=dict)
    booked_periods: dict[str, str] = field(default_factory=dict)
    booked_cents: dict[str, dict[str, int]] = field(default_factory=dict)
    pinned_catalogues: dict[str, Catalogue] = field(default_factory=dict)
    amended: set[str] = field(default_factory=set)
    balances: dict[str, int] = field(default_factory=dict)
    standings: dict[str, "Standing"] = field(default_factory=dict)
    """Holds and doubtful IBANs by artist, from the register of payments; set by tests."""
    with_entries: set[str] = field(default_factory=set)
    """Artists with a returned payment or a write-off since the last run."""

    @property
    def next_month(self) -> str | None:
        """ "Runs close in order, without gaps"; None before the first run, whose month is free to choose."""
        return months_later(max(self.runs), 1) if self.runs else None

    def settlement_month(self, period: Subscription, *, run_month: str | None = None) -> str:
        """The month that settles a period, in the next run (or a first run of `run_month`).

        A booked period "stays there, whatever its later dates"; one "booked nowhere and whose month
        is final (or before the first run) is settled in the next run".
        """
        if period.period_id in self.booked_periods:
            return self.booked_periods[period.period_id]
        month = month_of(period.last_day)
        next_run = self.next_month or run_month
        if next_run is None:
            return month
        first_run = min(self.runs, default=next_run)
        is_final = month < months_later(next_run, -self.policy.look_back_months)
        return next_run if month < first_run or is_final else month

    def periods_of(self, month: str, data: Snapshot, *, run_month: str | None = None) -> list[Subscription]:
        """The periods that a month would settle if it were settled now."""
        return [
            period for period in data.periods.values() if self.settlement_month(period, run_month=run_month) == month
        ]

    def settle_open_month(self, month: str, data: Snapshot, *, run_month: str | None = None) -> Settlement:
        """Settle an open month on today's data; with `run_month`, as a first run of that month would."""
        return settle(
            month,
            self.periods_of(month, data, run_month=run_month),
            watch=data.watch,
            catalogue=data.catalogue,
            artists=data.artists,
            policy=self.policy,
        )

    def resettle_closed_month(self, month: str, data: Snapshot) -> Settlement:
        """Settle a closed month again.

        "With the periods booked in it plus any of that month that are booked nowhere, on today's
        heartbeats and subscriptions, with the policy and the catalogue it closed with".
        """
        return settle(
            month,
            self.periods_of(month, data),
            watch=data.watch,
            catalogue=self.pinned_catalogues[month],
            artists=data.artists,
            policy=self.policy,
        )

    def look_back(self, month: str) -> list[str]:
        """ "The three closed months before the run; older ones are final"."""
        before = [months_later(month, -back) for back in range(1, self.policy.look_back_months + 1)]
        return sorted(one for one in before if one in self.runs)

    def amend(self, month: str) -> None:
        """`allive amend`: the month takes over the catalogue of the next close, and keeps it."""
        self.amended.add(month)

    def return_payment(self, month: str, artist_id: str, *, iban: str = "", cents: int | None = None) -> int:
        """A payment, or a part of it, came back: it is in the balance, and its IBAN is set aside; return the cents."""
        [line] = [line for line in self.runs[month].lines if line.artist_id == artist_id]
        back = line.paid_cents if cents is None else cents
        self._enter(artist_id, back)
        standing = self.standings.get(artist_id, Standing())
        self.standings[artist_id] = replace(
            standing, set_aside=standing.set_aside | {iban}, confirmed=standing.confirmed - {iban}
        )
        return back

    def hold(self, artist_id: str, *, is_held: bool = True) -> None:
        """`allive payments hold`, or `unhold`."""
        self.standings[artist_id] = replace(self.standings.get(artist_id, Standing()), held=is_held)

    def confirm_iban(self, artist_id: str, iban: str) -> None:
        """`allive payments confirm-iban`: an IBAN that was set aside or is undated is good."""
        standing = self.standings.get(artist_id, Standing())
        self.standings[artist_id] = replace(
            standing, set_aside=standing.set_aside - {iban}, confirmed=standing.confirmed | {iban}
        )

    def pay_otherwise(self, artist_id: str, cents: int) -> None:
        """`allive payments settle`: a payment outside the orders lowers the balance."""
        assert 0 < cents <= self.balances.get(artist_id, 0)
        self.balances[artist_id] -= cents
        self.with_entries.add(artist_id)

    def write_off(self, artist_id: str) -> int:
        """Write off a negative balance; return the cents written off."""
        owed = -self.balances[artist_id]
        self._enter(artist_id, owed)
        return owed

    def _enter(self, artist_id: str, cents: int) -> None:
        if cents <= 0:
            raise ValueError(f"{artist_id}: {cents} cents cannot be returned or written off")
        self.balances[artist_id] = self.balances.get(artist_id, 0) + cents
        self.with_entries.add(artist_id)

    def close(self, month: str, data: Snapshot) -> Run:
        """Close the next month on a snapshot.

        Raises:
            CannotCloseError: something blocks the close; nothing is booked.
        """
        if self.next_month not in (None, month):
            raise ValueError(f"{self.next_month} is next, not {month}")
        settlement = self.settle_open_month(month, data, run_month=month)
        resettled = self._resettle_look_back(month, data)
        blockers = settlement.blockers.union(*(one.blockers for one in resettled.values()))
        if blockers:
            raise CannotCloseError(blockers)

        adjustments = self._adjustments(resettled)
        adjusted: dict[str, int] = defaultdict(int)
        for adjustment in adjustments:
            adjusted[adjustment.artist_id] += adjustment.adjustment_cents
        for corrected, again in resettled.items():
            self.booked_cents[corrected] = dict(again.earned_cents)
            self.booked_periods.update(dict.fromkeys(again.periods, corrected))
        self.pinned_catalogues[month] = data.catalogue
        self.booked_periods.update(dict.fromkeys(settlement.periods, month))
        self.booked_cents[month] = dict(settlement.earned_cents)

        concerned = {
            *settlement.members,
            *(artist_id for artist_id, nanos in settlement.earned_nanos.items() if nanos),
            *adjusted,
            *(artist_id for artist_id, cents in self.balances.items() if cents),
            *self.with_entries,
        }
        lines = tuple(
            self._line(artist_id, settlement, adjusted.get(artist_id, 0), data) for artist_id in sorted(concerned)
        )
        self.balances = {line.artist_id: line.carried_forward_cents for line in lines}
        self.with_entries.clear()
        self.runs[month] = Run(month, settlement, adjustments, resettled, lines)
        return self.runs[month]

    def _resettle_look_back(self, month: str, data: Snapshot) -> dict[str, Settlement]:
        for amended in self.amended & set(self.look_back(month)):
            self.pinned_catalogues[amended] = data.catalogue
        self.amended.clear()
        return {one: self.resettle_closed_month(one, data) for one in self.look_back(month)}

    def _adjustments(self, resettled: Mapping[str, Settlement]) -> tuple[Adjustment, ...]:
        """ "Each artist's difference in cents to what has been booked for that month so far"."""
        adjustments = []
        for month, again in sorted(resettled.items()):
            booked = self.booked_cents[month]
            for artist_id in sorted({*booked, *again.earned_cents}):
                adjustment = Adjustment(
                    month, artist_id, booked.get(artist_id, 0), again.earned_cents.get(artist_id, 0)
                )
                if adjustment.adjustment_cents:
                    adjustments.append(adjustment)
        return tuple(adjustments)

    def _line(self, artist_id: str, settlement: Settlement, adjustment_cents: int, data: Snapshot) -> PayoutLine:
        """`payable = balance brought forward + earned + adjustments`, paid in full or carried in full."""
        brought_forward = self.balances.get(artist_id, 0)
        earned_cents = settlement.earned_cents.get(artist_id, 0)
        payable = brought_forward + earned_cents + adjustment_cents
        reason = carry_reason(
            payable,
            month=settlement.month,
            artist=data.artists.get(artist_id),
            versions=[one for one in data.records["artists"] if one.artist_id == artist_id],
            policy=self.policy,
            standing=self.standings.get(artist_id, Standing()),
        )
        is_paid = payable > 0 and reason is None
        return PayoutLine(
            artist_id=artist_id,
            category=data.catalogue.category(artist_id, last_day(settlement.month)),
            watch_ms=settlement.watch_ms.get(artist_id, 0),
            paying_subscribers=settlement.paying_subscribers.get(artist_id, 0),
            direct_nanos=settlement.direct_nanos.get(artist_id, 0),
            pool_nanos=settlement.pool_nanos.get(artist_id, 0),
            earned_nanos=settlement.earned_nanos.get(artist_id, 0),
            earned_cents=earned_cents,
            adjustment_cents=adjustment_cents,
            brought_forward_cents=brought_forward,
            paid_cents=payable if is_paid else 0,
            carried_forward_cents=0 if is_paid else payable,
            carry_reason=reason,
        )


def carry_reason(  # noqa: PLR0911 - one line per reason, in the order of the rules
    payable_cents: int,
    *,
    month: str,
    artist: Artist | None,
    versions: list[Artist],
    policy: Policy,
    standing: Standing = Standing(),
) -> str | None:
    """Why a balance is not paid now; None if it is paid, or if there is nothing to pay.

    The amount is checked before the bank details: a balance below the minimum gets that reason whatever the IBAN.
    """
    if payable_cents <= 0:
        return "negative" if payable_cents else None
    if standing.held:
        return "held"
    left_on = artist.left_on if artist else None
    has_left = left_on is not None and left_on <= last_day(month)
    is_december = month.endswith("-12")
    if payable_cents < policy.minimum_payout_cents and not (is_december or has_left):
        return "below_minimum"
    iban = electronic_iban(artist.iban or "") if artist else ""
    if not iban:
        return "no_iban"
    if not is_iban(iban):
        return "not_sepa" if is_iban(iban, lengths=LENGTHS_OUTSIDE_SEPA) else "bad_iban"
    if iban in standing.set_aside:
        return "returned"
    if iban not in standing.confirmed and iban_is_of_unknown_age(iban, versions):
        return "iban_undated"
    return "iban_changed" if iban_is_young(iban, versions, on=payment_date(month, policy)) else None


def payment_date(month: str, policy: Policy) -> date:
    """ "The 3rd of the next month + the payment delay"."""
    third = first_day(months_later(month, 1)) + timedelta(days=2)
    return third + timedelta(days=policy.payment_delay_days)


def iban_is_of_unknown_age(iban: str, versions: list[Artist]) -> bool:
    """Whether the records "bear more than one IBAN and one of the records that bear the newest is undated"."""
    borne = {(electronic_iban(one.iban or ""), one.updated_at is None) for one in versions}
    others = {one for one, _ in borne} - {iban, ""}
    return bool(others) and (iban, True) in borne


def iban_is_young(iban: str, versions: list[Artist], *, on: date) -> bool:
    """Whether an IBAN is "younger than 10 days" on the payment date.

    Its age counts from "the first record that bears it, by `updated_at`"; "a first IBAN is not a
    change".
    """
    first_seen: dict[str, tuple[bool, int]] = {}
    for version in versions:
        if bears := electronic_iban(version.iban or ""):
            seen = (version.updated_at is not None, version.updated_at or 0)
            first_seen[bears] = min(first_seen.get(bears, seen), seen)
    is_dated, updated_at = own = first_seen[iban]
    # Of two that appeared together, the smaller one counts as the first.
    is_first = min((seen, bears) for bears, seen in first_seen.items()) == (own, iban)
    if is_first or not is_dated:
        return False
    return (on - paris_day(updated_at)).days < MINIMUM_IBAN_AGE_DAYS


def electronic_iban(iban: str) -> str:
    """An IBAN as machines write it: no spaces, capital letters."""
    return "".join(character for character in iban if not character.isspace()).upper()


def is_iban(iban: str, *, lengths: Mapping[str, int] = IBAN_LENGTHS) -> bool:
    """ISO 13616: the length for its country, digits and letters only, and a remainder of 1 modulo 97.

    >>> is_iban("FR14 2004 1010 0505 0001 3M02 606"), is_iban("FR15 2004 1010 0505 0001 3M02 606")
    (True, False)
    """
    written = electronic_iban(iban)
    if not (written.isascii() and written.isalnum()) or not written[2:4].isdigit():
        return False
    if len(written) != lengths.get(written[:2]):
        return False
    rearranged = written[4:] + written[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def months_with_periods(data: Snapshot, history: History) -> list[str]:
    """Every settlement month that has something to settle, considering what is booked."""
    return sorted(
        {history.settlement_month(period) for period in data.periods.values() if is_payable(period, history.policy)}
    )
