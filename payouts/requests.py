"""Requests for the next run; amendments are made here, each recorded in the audit log (RULES.md §6).

A request waits until a run takes it up and lists it in its `control.json`. So a request survives a killed closing, and
none is taken up twice.
"""

from typing import Any, Final

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, months
from allive.payouts.errors import Refusal
from allive.payouts.look_back import look_back_of_next_run
from allive.payouts.payments.balance_entries import pending_entries
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import payments_of
from allive.payouts.run import Requests

AMENDED: Final = "amend"
WITHDRAWN: Final = "amend_withdrawn"


def requests_of_next_run(settings: Settings) -> Requests:
    """Return everything that waits for the next run: amendments, balance entries, and the standing of payees."""
    register = read_register(settings)
    return Requests(
        amendments=pending_amendments(settings),
        balance_entries=pending_entries(settings),
        payments_head=register.head,
        standings=payments_of(register).standings(),
    )


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


def _taken_up(settings: Settings, month: str, name: str) -> list[Any]:
    entries: list[Any] = ledger.read_control(settings, month)[name]
    return entries
