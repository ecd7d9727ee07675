"""Requests for the next run: amendments and write-offs of the audit log, and money back of the register of payments.

A request waits until a run takes it up and lists it in its `control.json`. So a request survives a killed closing, and
none is taken up twice.
"""

from dataclasses import dataclass
from typing import Any, Final

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, months
from allive.payouts.errors import Refusal
from allive.payouts.look_back import look_back_of_next_run
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import payments_of

AMENDED: Final = "amend"
WITHDRAWN: Final = "amend_withdrawn"
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


def amend(settings: Settings, month: str, *, why: str, operator: str) -> None:
    """Correct a closed month with today's catalogue at the next close; the month then keeps it (RULES.md §6).

    Raises:
        Refusal: The month is not closed, or the next run does not reach back to it.
    """
    closed = ledger.closed_months(settings)
    if month not in closed:
        raise Refusal(
            month, ("It is not closed: an open month is settled with today's catalogue anyway.",), "be amended"
        )
    look_back = look_back_of_next_run(settings)
    if month not in look_back:
        reason = (
            f"It is final: the next run, {months.following(closed[-1])}, adjusts {_reach(look_back)}. "
            "Correct an older month in the accounts, not in a run."
        )
        raise Refusal(month, (reason,), "be amended")
    audit.record(settings, action=AMENDED, operator=operator, settlement_month=month, why=why)


def withdraw_amendment(settings: Settings, month: str, *, why: str, operator: str) -> int:
    """Withdraw the amendments of a month that no run has taken up, and return their number.

    Raises:
        Refusal: No amendment of the month is waiting.
    """
    waiting = pending_amendments(settings)
    if month not in waiting:
        reason = f"No amendment of it is waiting; waiting: {', '.join(sorted(waiting)) or 'none'}."
        raise Refusal(month, (reason,), "have its amendment withdrawn")
    audit.record(settings, action=WITHDRAWN, operator=operator, settlement_month=month, entries=waiting[month], why=why)
    return len(waiting[month])


def pending_amendments(settings: Settings) -> dict[str, list[str]]:
    """Return the months that wait for an amendment, with the ids of the audit lines that asked for it."""
    waiting: dict[str, list[str]] = {}
    for entry_id, entry in _waiting_amendments(settings).items():
        waiting.setdefault(entry["settlement_month"], []).append(entry_id)
    return waiting


def amendment_refusals(settings: Settings) -> list[str]:
    """Return a refusal for each waiting amendment of a month that the next run does not reach back to.

    It was accepted while the month was in reach; then the policy's look-back was shortened. A run that took it up
    anyway would use it up without correcting anything (RULES.md §6).
    """
    look_back = look_back_of_next_run(settings)
    return [
        (
            f"The amendment of {month} that {entry['operator']} asked for on {entry['at'][:10]} ({entry['why']!r}) "
            f"waits for this run, which adjusts {_reach(look_back)}: the policy's look-back was shortened since. "
            f"Withdraw it (`allive amend {month} --withdraw --why …`), or let the shorter look-back come into force "
            "after this run's month."
        )
        for entry in _waiting_amendments(settings).values()
        for month in [entry["settlement_month"]]
        if month not in look_back
    ]


def _waiting_amendments(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the audit lines that ask for an amendment and were neither taken up by a run nor withdrawn, by id."""
    done = {entry for month in ledger.closed_months(settings) for entry in _taken_up(settings, month, "amendments")}
    entries = dict(audit.identified_entries(settings))
    done.update(*(entry["entries"] for entry in entries.values() if entry["action"] == WITHDRAWN))
    return {
        entry_id: entry for entry_id, entry in entries.items() if entry["action"] == AMENDED and entry_id not in done
    }


def _reach(look_back: tuple[str, ...]) -> str:
    return f"{look_back[0]} and later" if look_back else "no earlier month"


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
        for entry in _taken_up(settings, month, "balance_entries")
    }


def open_balances(settings: Settings) -> dict[str, int]:
    """Return the balances that the next run brings forward, waiting entries included; cents by artist, no zeros."""
    balances = dict(ledger.balances(settings))
    for entry in pending_entries(settings):
        balances[entry.artist_id] = balances.get(entry.artist_id, 0) + entry.cents
    return {artist_id: cents for artist_id, cents in balances.items() if cents}


def _taken_up(settings: Settings, month: str, name: str) -> list[Any]:
    entries: list[Any] = ledger.read_control(settings, month)[name]
    return entries
