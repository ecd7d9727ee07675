"""`allive payments`: the life of payments after their order, for the finance operator."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb

from allive.ingestion.counted import counted
from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.serving_copy import CURRENT
from allive.orchestration.terminal import Amount, folded, refuse, say, say_points, table, visible, warn
from allive.payouts.audit import operator_name
from allive.payouts.bank_details import masked
from allive.payouts.bank_file import BankFileError
from allive.payouts.chained_log import ChangedMeanwhileError
from allive.payouts.errors import Refusal
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.payments import actions, orders
from allive.payouts.payments.facts import (
    BankReason,
    Cancelled,
    Confirmed,
    Executed,
    Fact,
    Reported,
    Returned,
    Unmatched,
)
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import Attempt, Payments, PaymentState, payments_of
from allive.payouts.shown_cents import euros

UNMATCHED_IN_WORDS: Final = {
    "unrelated": "nothing in it names one of our orders",
    "unknown_order": "no order has this message id",
    "unknown_id": "no order has this end-to-end id",
    "unknown": "no order has this end-to-end id",
    "other_currency": "it is not in euros",
    "other_amount": "its amount is not the order's",
    "other_account": "its account is not the order's",
    "ambiguous": "several transfers of the order have this amount",
    "bank_reversal": "the bank corrects an entry of its own",
    "return_without_id": "a return that names no order",
    "too_much": "more came back than was ordered",
    "executed_twice": "the bank executed it before: ask the bank",
    "executed_after_cancelled": "it was cancelled, and the bank executed it: ask the bank at once",
    "returned_after_cancelled": "it was cancelled, and money came back",
    "rejected_after_executed": "the bank executed it before it rejected it",
    "moved": "money moved for it before",
    "cancelled": "it was cancelled before",
}
"""Why a movement was not matched, in words."""

_ID_DIGITS: Final = 8


def list_payments(settings: Settings, which: str | None, *, everything: bool) -> bool:
    """List the payments that need attention, or all; and holds, IBANs set aside and unmatched movements."""
    with hold_data_home(settings, command="allive payments list"):
        finish_interrupted_closings(settings)
    payments = payments_of(read_register(settings))
    attempts = [
        one
        for one in payments.attempts.values()
        if which is None or which in {one.ordered.settlement_month, one.order.message_id, one.ordered.artist_id}
    ]
    if not attempts and which is not None:
        say(f"No order of {which}.")
        return True
    _show_orders(attempts)
    shown = [one for one in attempts if everything or one.state is not PaymentState.EXECUTED]
    if shown:
        table(
            "Transfers" if everything else "Transfers that are not executed",
            ("end-to-end id", "artist", "amount", "state", "on", "reason"),
            [
                (
                    one.end_to_end_id,
                    one.ordered.artist_id,
                    Amount(one.ordered.cents),
                    one.state.replace("_", " "),
                    str(one.changed_on),
                    _last_reason(one),
                )
                for one in shown
            ],
            total=("total", "", Amount(sum(one.ordered.cents for one in shown)), "", "", ""),
        )
    _show_attention(settings, payments, which)
    return True


def hold(settings: Settings, artist_id: str, *, why: str) -> bool:
    """Hold an artist's payments. Return whether they were not held."""

    def act(operator: str) -> str:
        actions.hold(settings, artist_id, why=why, operator=operator)
        return (
            f"Everything due to {artist_id} is carried until the hold is lifted: `allive payments unhold {artist_id} "
            "--why …`. Orders that were given already are not stopped by it."
        )

    return _act(settings, act, command=f"allive payments hold {artist_id}")


def unhold(settings: Settings, artist_id: str, *, why: str) -> bool:
    """Lift a hold. Return whether there was one."""

    def act(operator: str) -> str:
        actions.unhold(settings, artist_id, why=why, operator=operator)
        return f"The next run pays what is due to {artist_id}."

    return _act(settings, act, command=f"allive payments unhold {artist_id}")


def return_payment(settings: Settings, month: str, artist_id: str, *, cents: int | None, why: str) -> bool:
    """Record that a transfer came back. Return whether there was one."""

    def act(operator: str) -> str:
        back = actions.return_payment(
            settings, month, artist_id, why=why, operator=operator, today=_today(), cents=cents
        )
        payments = payments_of(read_register(settings))
        said = f"{euros(back)} of {month} are in the balance of {artist_id} again."
        if ibans := payments.standing(artist_id).ibans_set_aside:
            shown = " and ".join(masked(iban) for iban in sorted(ibans))
            said += (
                f" Nothing is paid to {shown} until a record with another IBAN arrives, or you confirm this one: "
                f"`allive payments confirm-iban {artist_id} --why …`."
            )
        return said

    return _act(settings, act, command=f"allive payments return {month} {artist_id}")


def cancel(settings: Settings, order: str, artists: Sequence[str], *, why: str) -> bool:
    """Record that orders never left the account. Return whether any waited for an answer."""

    def act(operator: str) -> str:
        number = actions.cancel(settings, order, artists=artists, why=why, operator=operator)
        return (
            f"Cancelled: {counted(number, 'transfer', 'transfers')}. Order again with `allive payments reissue MONTH "
            "--why …`, or give back to the balance with `allive payments return MONTH ARTIST --why …`."
        )

    return _act(settings, act, command=f"allive payments cancel {order}")


def mark_executed(settings: Settings, order: str, artists: Sequence[str], *, on: date | None, why: str) -> bool:
    """Record that the bank executed orders. Return whether any waited for an answer."""

    def act(operator: str) -> str:
        day = on or _today()
        number = actions.mark_executed(settings, order, artists=artists, booked_on=day, why=why, operator=operator)
        return f"Executed on {day}: {counted(number, 'transfer', 'transfers')}."

    return _act(settings, act, command=f"allive payments executed {order}")


def settle(settings: Settings, artist_id: str, cents: int, *, means: str, on: date | None, why: str) -> bool:
    """Record a payment made otherwise. Return whether the balance covers it."""

    def act(operator: str) -> str:
        left = actions.settle(
            settings, artist_id, cents=cents, means=means, paid_on=on or _today(), why=why, operator=operator
        )
        return f"{euros(cents)} were paid to {artist_id} ({means}); {euros(left)} are left in the balance."

    return _act(settings, act, command=f"allive payments settle {artist_id}")


def reissue(settings: Settings, month: str, artists: Sequence[str], *, is_withdrawn: bool, why: str) -> bool:
    """Order again what was not executed of a month. Return whether there was anything."""

    def act(operator: str) -> str:
        given = orders.reissue(
            settings,
            month,
            artists=artists,
            is_withdrawn=is_withdrawn,
            operator=operator,
            why=why,
            today=_today(),
        )
        lines = [
            f"For the bank: {one.path} ({counted(one.transfers, 'transfer', 'transfers')}, {euros(one.cents)}, "
            f"for {one.requested_on})."
            for one in given.orders
        ]
        if given.passed_over:
            warn("Not ordered again:", given.passed_over)
        return "\n".join([*lines, "Send no earlier file with these transfers."])

    return _act(settings, act, command=f"allive payments reissue {month}")


def confirm_iban(settings: Settings, artist_id: str, iban: str | None, *, why: str) -> bool:
    """Record that an IBAN is right. Return whether it is one that SEPA reaches."""

    def act(operator: str) -> str:
        shown = actions.confirm_iban(
            settings, artist_id, iban or _iban_in_question(settings, artist_id), why=why, operator=operator
        )
        return f"{shown} of {artist_id} is confirmed; the next run pays to it what is due."

    return _act(settings, act, command=f"allive payments confirm-iban {artist_id}")


def import_answers(settings: Settings, paths: Sequence[Path], *, why: str, is_dry_run: bool) -> bool:
    """Import the bank's files. Return whether all could be read."""
    outcomes = [_import(settings, path, why=why, is_dry_run=is_dry_run) for path in paths]
    return all(outcomes)


def dismiss(settings: Settings, fact: str, *, why: str) -> bool:
    """Record that an unmatched movement was dealt with. Return whether it waited."""

    def act(operator: str) -> str:
        actions.dismiss(settings, fact, why=why, operator=operator)
        return "It no longer waits; it stays on record."

    return _act(settings, act, command=f"allive payments dismiss {fact}")


def undo(settings: Settings, what: str, *, why: str) -> bool:
    """Take back an action on payments. Return whether that is possible."""

    def act(operator: str) -> str:
        facts = actions.undo(settings, what, why=why, operator=operator)
        return "\n".join(["Taken back:", *(f"  - {_in_words(fact)}" for fact in facts)])

    return _act(settings, act, command=f"allive payments undo {what}")


def log(settings: Settings) -> bool:
    """List the lines of the register, the newest last, with their ids."""
    lines = read_register(settings).lines
    if not lines:
        say("The register of payments is empty: nothing was ordered yet.")
        return True
    table(
        "Register of payments",
        ("id", "at", "operator", "action", "facts", "why"),
        [
            (line_id[:_ID_DIGITS], _day(line.at), line.operator, line.event, len(line.facts), line.why)
            for line_id, line in lines.items()
        ],
    )
    return True


def _show_orders(attempts: Sequence[Attempt]) -> None:
    by_order: dict[str, list[Attempt]] = {}
    for one in attempts:
        by_order.setdefault(one.order.message_id, []).append(one)
    if not by_order:
        say("Nothing was ordered yet.")
        return
    table(
        "Orders",
        ("order", "for", "transfers", "amount", "states"),
        [
            (
                message_id,
                str(of_order[0].order.requested_on),
                len(of_order),
                Amount(sum(one.ordered.cents for one in of_order)),
                _counted_states(of_order),
            )
            for message_id, of_order in by_order.items()
        ],
        total=("total", "", len(attempts), Amount(sum(one.ordered.cents for one in attempts)), ""),
    )


def _counted_states(attempts: Sequence[Attempt]) -> str:
    counts = Counter(one.state for one in attempts)
    return ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in counts.items())


def _show_attention(settings: Settings, payments: Payments, which: str | None) -> None:
    """Show what waits for a person."""
    if payments.holds:
        say_points(
            "Held:",
            [
                f"{artist}: by {line.operator} since {_day(line.at)}, {line.why}"
                for artist, line in payments.holds.items()
            ],
        )
    if payments.set_aside:
        say_points(
            "IBANs set aside, until another one arrives or `allive payments confirm-iban`:",
            [
                f"{artist}: {masked(iban)}, {aside.end_to_end_id}"
                + (f" ({_in_short(aside.reason)})" if aside.reason else "")
                for (artist, iban), aside in payments.set_aside.items()
            ],
        )
    if which is None:
        for month, lines in orders.unordered_months(settings, payments).items():
            refusals = {reason for line in lines if (reason := orders.why_not_ordered(payments, line))}
            say_points(
                f"Not ordered of {month}: {counted(len(lines), 'transfer', 'transfers')}. "
                f"Order with `allive payments reissue {month} --why …`.",
                sorted(refusals),
            )
    ours = {fact_id: one for fact_id, one in payments.unmatched.items() if one.why != "unrelated"}
    if ours:
        say_points(
            "Of the bank's files, waiting for a person (`allive payments dismiss ID --why …`):",
            [f"{_short(fact_id)}  {_in_words(one)}" for fact_id, one in ours.items()],
        )
    if others := len(payments.unmatched) - len(ours):
        say(f"Other movements of the account, which name no order: {others:,} (`allive payments unmatched`).")


def list_unmatched(settings: Settings) -> bool:
    """List every movement of the bank's files that is no payment's for certain."""
    payments = payments_of(read_register(settings))
    if not payments.unmatched:
        say("Every movement that was imported is a payment's.")
        return True
    table(
        "Unmatched movements",
        ("id", "on", "amount", "from or to", "why"),
        [
            (
                _short(fact_id),
                str(one.booked_on or ""),
                None if one.cents is None else Amount(one.cents),
                visible(one.counterparty or one.end_to_end_id or one.message_id or ""),
                UNMATCHED_IN_WORDS.get(one.why, one.why),
            )
            for fact_id, one in payments.unmatched.items()
        ],
    )
    return True


def _import(settings: Settings, path: Path, *, why: str, is_dry_run: bool) -> bool:
    def act(operator: str) -> str:
        found = actions.import_answer(settings, path, why=why, operator=operator, is_dry_run=is_dry_run)
        if found.is_known_file:
            return f"{path.name} was imported before: nothing changed."
        if found.schema_findings:
            warn(f"{path.name} departs from its standard; it was read anyway:", found.schema_findings[:5])
        if found.gaps_cents:
            warn(
                f"{path.name} is not complete: balances and movements differ. Ask the bank for the missing part:",
                [f"{masked(account)}: {euros(cents)}" for account, cents in found.gaps_cents.items()],
            )
        return _imported(path, found, is_dry_run=is_dry_run)

    return _act(settings, act, command=f"allive payments import {path.name}")


def _imported(path: Path, found: actions.Import, *, is_dry_run: bool) -> str:
    kinds = Counter(type(fact) for fact in found.facts)
    unmatched = [fact for fact in found.facts if isinstance(fact, Unmatched)]
    ours = [fact for fact in unmatched if fact.why != "unrelated"]
    counts = {
        "executed": kinds[Executed],
        "returned": kinds[Returned],
        "rejected": kinds[Cancelled],
        "reported": kinds[Reported],
        "to look at": len(ours),
        "of no order": len(unmatched) - len(ours),
        "known before": found.known,
        "only announced": found.not_booked,
    }
    said = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number) or "nothing in it"
    shown = [fact for fact in found.facts if isinstance(fact, Returned | Cancelled) or fact in ours]
    lines = [f"{path.name}{' would bring' if is_dry_run else ''}: {said}."]
    return "\n".join([*lines, *(folded(_in_words(fact), first="  - ", indent="    ") for fact in shown)])


def _in_words(fact: Fact) -> str:
    match fact:
        case Executed():
            return f"{fact.end_to_end_id} executed on {fact.booked_on}"
        case Returned():
            why = f"{fact.reason.code} " if fact.reason.code else ""
            return (
                f"{fact.end_to_end_id}: {euros(fact.cents)} returned on {fact.booked_on}, "
                f"{why}{fact.reason.meaning.english}"
            )
        case Cancelled():
            why = f", {fact.reason.code or ''} {fact.reason.meaning.english}" if fact.reason else ""
            return f"{fact.end_to_end_id} cancelled{why}"
        case Confirmed():
            return f"{fact.fact[:_ID_DIGITS]} confirmed by {fact.seen.message}"
        case Unmatched():
            amount = "" if fact.cents is None else f"{euros(fact.cents)} "
            name = fact.end_to_end_id or fact.message_id or visible(fact.counterparty) or visible(fact.text)
            return f"{amount}{fact.booked_on or ''} {name}: {UNMATCHED_IN_WORDS.get(fact.why, fact.why)}".strip()
        case _:
            values = fact.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "seen"})
            return f"{fact.kind.replace('_', ' ')}: {', '.join(str(value) for value in values.values())}"


def _day(at: str) -> str:
    """Return the day in Paris of an instant of the register."""
    return datetime.fromisoformat(at).astimezone(PARIS).date().isoformat()


def _in_short(reason: BankReason) -> str:
    return f"{reason.code or ''} {reason.meaning.english}".strip()


def _last_reason(attempt: Attempt) -> str:
    reasons = [one.reason for one in attempt.returns.values()]
    if attempt.cancelled is not None and attempt.cancelled.reason is not None:
        reasons.append(attempt.cancelled.reason)
    if reasons:
        return _in_short(reasons[-1])
    return attempt.reported.code or "" if attempt.reported else ""


def _iban_in_question(settings: Settings, artist_id: str) -> str:
    """Return the IBAN that an artist's payments wait for: the only one set aside, else the current one."""
    from allive.payouts.warehouse_file import open_warehouse  # noqa: PLC0415 - only where no IBAN is given

    set_aside = payments_of(read_register(settings)).standing(artist_id).ibans_set_aside
    if len(set_aside) == 1:
        return next(iter(set_aside))
    if settings.warehouse_path.exists():
        with open_warehouse(settings) as con:
            found = con.execute("select iban from marts.dim_payees where artist_id = $id", {"id": artist_id}).fetchone()
        if found is not None and found[0] is not None:
            return str(found[0])
    reason = f"Found no single IBAN of {artist_id!r} to confirm; expected it as an argument."
    raise Refusal(artist_id, (reason,), "have an IBAN confirmed")


def _short(fact_id: str) -> str:
    line, _, place = fact_id.partition(":")
    return f"{line[:_ID_DIGITS]}:{place}"


def show_on_the_pages(settings: Settings) -> None:
    """Bring the dashboards up to date; what was recorded stays recorded if that fails."""
    if not (settings.serving_dir / CURRENT).exists():
        return
    from allive.orchestration.publishing import PersonalDataError, refresh_payments  # noqa: PLC0415 - pyarrow, only to publish

    try:
        refresh_payments(settings)
    except (duckdb.Error, OSError, PersonalDataError) as error:
        warn("The dashboards do not show it yet; `allive run` publishes it:", [str(error)])


def _today() -> date:
    return datetime.now(PARIS).date()


def _act(settings: Settings, act: Callable[[str], str], *, command: str) -> bool:
    try:
        with hold_data_home(settings, command=command):
            finish_interrupted_closings(settings)
            say(act(operator_name(settings)))
            show_on_the_pages(settings)
    except Refusal as refusal:
        refuse("Nothing was changed.", refusal.reasons)
        return False
    except (BankFileError, ChangedMeanwhileError) as error:
        refuse("Nothing was changed.", [str(error)])
        return False
    return True
