"""Whom each payment waits for, and since when balances are carried: read from the register and the closed months.

Nothing here decides about money. Pages show it, so that nobody has to work it out from states and balances.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from allive.ingestion.settings import Settings
from allive.payouts import ledger
from allive.payouts.bank_details import electronic
from allive.payouts.payments.balance_entries import open_balances, taken_up_facts
from allive.payouts.payments.state import Attempt, Payments, PaymentState
from allive.payouts.transfers import TransferLine


class WaitsFor(StrEnum):
    """Who has the next move.

    - `bank`: the order is given; the bank has not said that it is executed.
    - `artist`: another IBAN, or the word that this one is right.
    - `allive`: a person of Allive orders again, gives back to the balance, or lifts a hold.
    - `close`: the amount is in the balance, and the next close deals with it.
    """

    BANK = "bank"
    ARTIST = "artist"
    ALLIVE = "allive"
    CLOSE = "close"


@dataclass(frozen=True)
class OpenBalance:
    """An amount that Allive owes an artist, or the artist Allive, besides orders; in cents.

    Attributes:
        cents: The balance that the next run brings forward.
        carried_cents: Of the last run.
        pending_cents: Entries since the last run: returns, orders given back, payments made otherwise, write-offs.
        carry_reason: Of the last run; None if it carried nothing.
        carried_since: The first month since when every run has carried an amount of this sign; None if none has.
        minimum_payout_cents: Of the last run's policy.
    """

    artist_id: str
    cents: int
    carried_cents: int
    pending_cents: int
    carry_reason: str | None
    carried_since: str | None
    minimum_payout_cents: int | None


@dataclass(frozen=True)
class Outlook:
    """Everything that decides whom a payment waits for.

    Attributes:
        payments: The state of all payments.
        balances: The open balances by artist.
        taken_up: The run that took up each fact that changes a balance.
        ibans: Each artist's IBAN in today's catalogue, in electronic format; None if that is not known.
        next_month: The month that closes next; None before the first close.
    """

    payments: Payments
    balances: Mapping[str, OpenBalance]
    taken_up: Mapping[str, str]
    ibans: Mapping[str, str] | None
    next_month: str | None

    def of_attempt(self, attempt: Attempt) -> WaitsFor | None:
        """Return whom an attempt waits for; None if nothing is left to do for it."""
        match attempt.state:
            case PaymentState.ORDERED:
                return WaitsFor.BANK
            case PaymentState.CANCELLED:
                return self._before_an_order(attempt.ordered.artist_id, attempt.ordered.iban)
            case PaymentState.RETURNED | PaymentState.PARTLY_RETURNED:
                facts = tuple(fact_id for fact_id, one in attempt.returns.items() if not one.is_in_audit)
                return self._in_the_balance(attempt, facts)
            case PaymentState.GIVEN_BACK:
                facts = tuple(
                    one.fact_id
                    for one in self.payments.balance_facts
                    if one.kind == "given_back" and (one.settlement_month, one.artist_id) == attempt.debt
                )
                return self._in_the_balance(attempt, facts)
            case _:
                return None

    def of_unordered(self, line: TransferLine) -> WaitsFor:
        """Return whom a transfer of a closed month waits for that was never ordered."""
        return self._before_an_order(line.artist_id, line.iban)

    def is_current(self, artist_id: str, iban: str) -> bool | None:
        """Whether the artist's latest record bears this IBAN; None if that is not known."""
        return None if self.ibans is None else self.ibans.get(artist_id) == electronic(iban)

    def command(self, waits_for: WaitsFor | None, month: str, artist_id: str, iban: str) -> str | None:
        """Return the command that takes a payment further; None if there is none to give."""
        match waits_for:
            case WaitsFor.BANK:
                return "allive payments import FILE"
            case WaitsFor.ARTIST:
                return f"allive payments confirm-iban {artist_id} --why …"
            case WaitsFor.ALLIVE:
                return self._command_of_allive(month, artist_id, iban)
            case _ if waits_for is None or self.next_month is None:
                return None
            case _:
                return f"allive payout {self.next_month} --dry-run"

    def _command_of_allive(self, month: str, artist_id: str, iban: str) -> str:
        if artist_id in self.payments.holds:
            return f"allive payments unhold {artist_id} --why …"
        verb = "return" if self._is_set_aside(artist_id, iban) else "reissue"
        return f"allive payments {verb} {month} {artist_id} --why …"

    def _before_an_order(self, artist_id: str, iban: str) -> WaitsFor:
        # The order bears the IBAN of its month: with another one, the amount goes through the balance.
        is_questioned = artist_id not in self.payments.holds and self._is_set_aside(artist_id, iban)
        return WaitsFor.ARTIST if is_questioned and self.is_current(artist_id, iban) is not False else WaitsFor.ALLIVE

    def _in_the_balance(self, attempt: Attempt, facts: tuple[str, ...]) -> WaitsFor | None:
        """Whom an amount waits for that went back to the balance; None once a run has paid the balance."""
        artist_id = attempt.ordered.artist_id
        balance = self.balances.get(artist_id)
        if balance is None or balance.cents <= 0:
            return None
        runs = {self.taken_up.get(fact_id) for fact_id in facts}
        since = balance.carried_since
        if not any(run is None or (since is not None and since <= run) for run in runs):
            return None
        if artist_id in self.payments.holds:
            return WaitsFor.ALLIVE
        iban = attempt.ordered.iban
        is_questioned = self._is_set_aside(artist_id, iban) and self.is_current(artist_id, iban) is not False
        return WaitsFor.ARTIST if is_questioned else WaitsFor.CLOSE

    def _is_set_aside(self, artist_id: str, iban: str) -> bool:
        return (artist_id, electronic(iban)) in self.payments.set_aside


def outlook(settings: Settings, payments: Payments, *, ibans: Mapping[str, str] | None) -> Outlook:
    """Return whom payments wait for.

    Args:
        settings: The data home.
        payments: The state of all payments.
        ibans: Each artist's IBAN in today's catalogue; None if it is not known.
    """
    return Outlook(
        payments=payments,
        balances={one.artist_id: one for one in balances_with_age(settings)},
        taken_up=taken_up_facts(settings),
        ibans=None if ibans is None else {artist: electronic(iban) for artist, iban in ibans.items()},
        next_month=ledger.next_month(settings),
    )


def balances_with_age(settings: Settings) -> tuple[OpenBalance, ...]:
    """Return every open balance with its reason and age, by artist; amounts of 0 are left out."""
    closed = ledger.closed_months(settings)
    last = {line["artist_id"]: line for line in ledger.read_lines(settings, closed[-1])} if closed else {}
    carried = {artist: cents for artist, line in last.items() if (cents := int(line["carried_forward_cents"]))}
    since = dict.fromkeys(carried, closed[-1]) if closed else {}
    followed = set(carried)
    for month in reversed(closed[:-1]):
        if not followed:
            break
        followed = {
            line["artist_id"]
            for line in ledger.read_lines(settings, month)
            if line["artist_id"] in followed and int(line["carried_forward_cents"]) * carried[line["artist_id"]] > 0
        }
        since.update(dict.fromkeys(followed, month))
    minimum = ledger.read_control(settings, closed[-1])["policy"]["minimum_payout_cents"] if closed else None
    return tuple(
        OpenBalance(
            artist_id=artist,
            cents=cents,
            carried_cents=carried.get(artist, 0),
            pending_cents=cents - carried.get(artist, 0),
            carry_reason=(last[artist]["carry_reason"] or None) if artist in carried else None,
            carried_since=since.get(artist),
            minimum_payout_cents=minimum,
        )
        for artist, cents in sorted(open_balances(settings).items())
    )
