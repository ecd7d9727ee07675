"""Balances between two runs: what the last run carried, and what the audit log and the register have added since.

Each entry is taken up by one run, which lists it in its `control.json`. So an entry survives a killed closing, and none
is taken up twice.
"""

from dataclasses import dataclass
from typing import Final

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, months
from allive.payouts.errors import Refusal
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import payments_of

RETURNED: Final = "payment_returned"
"""Recorded before there was a register of payments; such a line that no run has taken up still waits."""
WRITTEN_OFF: Final = "write_off"


@dataclass(frozen=True)
class BalanceEntry:
    """Cents added to an artist's balance that are not earnings.

    Attributes:
        entry: Id of the line of the audit log that says who asked for it and why, or of the fact of the register.
        kind: `write_off` or `payment_returned` of the audit log; `returned`, `given_back` or `settled` of the register.
        settlement_month: The month of the payment that came back; None for a write-off and a payment made otherwise.
    """

    entry: str
    kind: str
    artist_id: str
    cents: int
    settlement_month: str | None


def write_off(settings: Settings, artist_id: str, *, why: str, operator: str) -> int:
    """Write off a negative balance that will never recover, at the next close, and return the cents written off.

    Raises:
        Refusal: The artist's balance is not negative.
    """
    cents = open_balances(settings).get(artist_id, 0)
    if cents >= 0:
        closed = ledger.closed_months(settings)
        raise Refusal(
            months.following(closed[-1]) if closed else "",
            (f"The balance of {artist_id!r} is {cents} cents; only a negative one can be written off.",),
            "write off",
        )
    audit.record(settings, action=WRITTEN_OFF, operator=operator, artist_id=artist_id, cents=-cents, why=why)
    return -cents


def pending_entries(settings: Settings) -> tuple[BalanceEntry, ...]:
    """Return the entries that the next close adds to balances: those of the audit log, then those of the register."""
    done = taken_up_facts(settings)
    asked = [
        BalanceEntry(
            entry=entry_id,
            kind=entry["action"],
            artist_id=entry["artist_id"],
            cents=entry["cents"],
            settlement_month=entry.get("settlement_month"),
        )
        for entry_id, entry in audit.identified_entries(settings)
        if entry["action"] in {RETURNED, WRITTEN_OFF} and entry_id not in done
    ]
    asked += [
        BalanceEntry(fact.fact_id, fact.kind, fact.artist_id, fact.cents, fact.settlement_month)
        for fact in payments_of(read_register(settings)).balance_facts
        if fact.fact_id not in done
    ]
    return tuple(asked)


def taken_up_facts(settings: Settings) -> dict[str, str]:
    """Return the run that took up each entry, by the entry's id."""
    return {
        entry["entry"]: month
        for month in ledger.closed_months(settings)
        for entry in ledger.read_control(settings, month)["balance_entries"]
    }


def open_balances(settings: Settings) -> dict[str, int]:
    """Return the balances that the next run brings forward, waiting entries included; cents by artist, no zeros."""
    balances = dict(ledger.balances(settings))
    for entry in pending_entries(settings):
        balances[entry.artist_id] = balances.get(entry.artist_id, 0) + entry.cents
    return {artist_id: cents for artist_id, cents in balances.items() if cents}
