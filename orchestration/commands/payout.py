"""`allive payout`: previews or closes a month, and shows its lines and control totals."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from allive.ingestion.counted import counted
from allive.ingestion.settings import Settings
from allive.ingestion.waiting import waiting_files
from allive.orchestration.commands import refresh
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import (
    Amount,
    artist_shown,
    refuse,
    say,
    say_points,
    showing_progress,
    table,
    warn,
)
from allive.payouts import ledger, preconditions
from allive.payouts.audit import operator_name
from allive.payouts.close_orders import CloseOrder, approve_close, open_orders, order_close
from allive.payouts.close_warnings import in_words
from allive.payouts.closing import settle_month
from allive.payouts.errors import Refusal
from allive.payouts.files import withheld_by
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import Attempt, payments_of
from allive.payouts.shown_cents import cents_of_parts, euros
from allive.payouts.statements import STATEMENTS_FOLDER
from allive.payouts.withheld import WithheldLine, read_withheld_lines

_MOST_FILES = 10
_ID_DIGITS = 12
_AMOUNTS = {
    "earned": "earned_cents",
    "adjusted": "adjustment_cents",
    "brought": "brought_forward_cents",
    "paid": "paid_cents",
    "carried": "carried_forward_cents",
}
"""The amounts of a line by their headings; the first three add up to the last two."""


def pay_out(
    settings: Settings,
    month: str,
    *,
    command: str,
    acknowledged: str | None = None,
    approves: str | None = None,
    publish: bool = True,
    verbose: bool = False,
) -> bool | None:
    """Load new files, build the warehouse on the current bookings and close the month. Return whether it closed.

    None means that the close was ordered and waits for a second person.

    Args:
        settings: The data home.
        month: The settlement month.
        command: The command that holds the data home, for messages to other commands.
        acknowledged: The code of the open warnings, as printed by the dry run.
        approves: The beginning of the id of another person's order, which is approved and carried out.
        publish: Whether the serving copy shows the close when this returns.
        verbose: Whether the orchestrator's own log is shown.
    """
    with hold_data_home(settings, command=command):
        finish_interrupted_closings(settings)
        if _refused_by_the_calendar(settings, month):
            return False
        order = _order(settings, month, acknowledged=acknowledged, approves=approves)
        if order is None:
            return False
        if settings.second_person and order.approved_by is None:
            given = order.order_id[:_ID_DIGITS]
            say(f"Ordered by {order.operator}: {given}. It waits up to 24 h for a second person:")
            say(f"  allive payout {month} --approve {given}")
            return None
        from allive.orchestration.runs import run_job  # noqa: PLC0415 - Dagster, 4 s

        with showing_progress():
            outcome = run_job(
                settings,
                "payout",
                partition_key=month,
                ops={"payouts__closed_month": {"config": {"order": order.order_id}}},
                verbose=verbose,
            )
        refresh.show_landed(outcome)
        refresh.show_not_taken(settings, with_last_load=True)
        refresh.show_warehouse(outcome)
        refresh.show_held(settings, outcome)
        if not outcome.success:
            reasons = _reasons(outcome.failed_checks) or outcome.failures
            refuse(f"{month} was not closed.", reasons)
        elif publish:
            with showing_progress():
                published = run_job(settings, "republish", verbose=verbose)
            if not published.success:
                refuse(
                    f"{month} is closed. The serving copy does not show it yet: run `allive run`.", published.failures
                )
    return outcome.success


def _order(settings: Settings, month: str, *, acknowledged: str | None, approves: str | None) -> CloseOrder | None:
    """Give the order to close, or approve another person's order. Return None if it is refused."""
    try:
        if approves is not None:
            return approve_close(settings, _open_order(settings, month, approves), operator=operator_name(settings))
        order = order_close(
            settings, month, operator=operator_name(settings), origin="command", acknowledged=acknowledged
        )
    except Refusal as refusal:
        refuse(f"{month} was not closed.", refusal.reasons)
        return None
    return order


def _open_order(settings: Settings, month: str, beginning: str) -> str:
    found = [order for order in open_orders(settings) if order.order_id.startswith(beginning)]
    if len(found) == 1 and beginning:
        return found[0].order_id
    there = ", ".join(f"{order.order_id[:_ID_DIGITS]} ({order.settlement_month})" for order in open_orders(settings))
    raise Refusal(month, (f"Found {len(found)} open orders {beginning!r}; expected one of: {there or 'none'}.",))


def preview(settings: Settings, month: str, *, verbose: bool = False) -> bool:
    """Show the figures the month would close with, and the files waiting in landing. Return whether it could close.

    Loads and writes nothing.
    """
    with hold_data_home(settings, command=f"allive payout {month} --dry-run"):
        if _refused_by_the_calendar(settings, month):
            return False
        from allive.orchestration.runs import run_job  # noqa: PLC0415 - Dagster, 4 s

        with showing_progress():
            outcome = run_job(settings, "payout_preview", partition_key=month, verbose=verbose)
        refresh.show_warehouse(outcome)
        _show_waiting(settings)
        refresh.show_not_taken(settings)
        reasons = _reasons(outcome.failed_checks) or outcome.failures
        if reasons:
            refuse(f"{month} could not close now.", reasons)
            return False
        preview = settle_month(settings, month)
    show_lines(f"{month}, not closed: what it would pay", (asdict(line) for line in preview.run.lines))
    show_control([preview.run.control])
    _say_withheld(withheld_by(preview.run))
    say("Computed a second time from the pinned records: no difference.")
    if preview.warnings:
        warn("Open warnings. Look at each before you pay:", in_words(preview.warnings))
    acknowledge = f" --acknowledge {preview.acknowledgement}" if preview.acknowledgement else ""
    say(f"Nothing was written. Close it with `allive payout {month}{acknowledge}`.")
    return True


def _show_waiting(settings: Settings) -> None:
    waiting = waiting_files(settings)
    if waiting:
        warn(
            counted(
                len(waiting),
                "file waits in landing. It is not in these figures; the close loads it first:",
                "files wait in landing. They are not in these figures; the close loads them first:",
            ),
            [
                *waiting[:_MOST_FILES],
                *([f"and {len(waiting) - _MOST_FILES} more"] if len(waiting) > _MOST_FILES else []),
            ],
        )


def show_closed_month(settings: Settings, month: str) -> None:
    """Show a closed month from its files."""
    show_lines(f"{month}, closed", closed_lines(settings, month))
    show_control([ledger.read_control(settings, month)])
    _say_withheld(read_withheld_lines(ledger.month_dir(settings, month)))
    manifest = ledger.read_manifest(settings, month)
    folder = ledger.month_dir(settings, month)
    say(f"Closed as run {manifest.run_hash} in {folder}")
    given = {one.order.path: one.order for one in _attempts_of(settings, month)}
    for order in given.values():
        say(f"For the bank: {settings.payouts_dir / order.path}, for {order.requested_on}.")
    if not given:
        say("No one is paid: there is no order.")
    say(f"For the artists: {folder / STATEMENTS_FOLDER}/")


def _say_withheld(lines: Iterable[WithheldLine]) -> None:
    """Say what comes off the orders, and is owed to others."""
    withheld: Counter[tuple[str, str]] = Counter()
    for line in lines:
        withheld[line.name, line.owed_to] += line.withheld_cents
    if withheld:
        say_points(
            f"Withheld from what is paid, so that the orders are {euros(sum(withheld.values()))} less:",
            [f"{name}: {euros(cents)}, owed to {owed_to}" for (name, owed_to), cents in withheld.items()],
        )


def _attempts_of(settings: Settings, month: str) -> list[Attempt]:
    payments = payments_of(read_register(settings))
    return [one for one in payments.attempts.values() if one.ordered.settlement_month == month]


def closed_lines(settings: Settings, month: str) -> list[dict[str, Any]]:
    """Read a closed month's lines, with amounts as whole numbers."""
    return [
        {
            name: int(value) if name.endswith(("_ms", "_cents", "_nanos", "_subscribers")) else value
            for name, value in row.items()
        }
        for row in ledger.read_lines(settings, month)
    ]


def show_lines(title: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Show payout lines, one per artist, with their totals."""
    lines = [*lines]
    table(
        title,
        ("artist", *_AMOUNTS, "why carried"),
        [
            (
                artist_shown(line["artist_id"], line["artist_name"]),
                *(Amount(line[name]) for name in _AMOUNTS.values()),
                line["carry_reason"],
            )
            for line in lines
        ],
        total=("total", *(Amount(sum(line[name] for line in lines)) for name in _AMOUNTS.values()), None),
    )


def show_control(controls: Iterable[Mapping[str, Any]]) -> None:
    """Show control totals, one column per month."""
    controls = [*controls]
    parts = [cents_of_parts((control["direct_nanos"], control["pool_nanos"])) for control in controls]

    def amounts(name: str) -> list[Amount]:
        return [Amount(control[name]) for control in controls]

    table(
        "Control totals",
        ("", *(control["settlement_month"] for control in controls)),
        [
            ("periods", *(control["periods"] for control in controls)),
            ("idle periods", *(control["idle_periods"] for control in controls)),
            ("members of the pool", *(len(control["pool_members"]) for control in controls)),
            ("direct", *(Amount(direct) for direct, _ in parts)),
            ("pool", *(Amount(pool) for _, pool in parts)),
            ("envelopes: direct + pool", *amounts("envelope_cents")),
            ("earned: the envelopes", *amounts("earned_cents")),
            ("adjusted", *amounts("adjustment_cents")),
            ("brought forward", *amounts("brought_forward_cents")),
            ("paid", *amounts("paid_cents")),
            ("carried forward: the rest", *amounts("carried_forward_cents")),
        ],
    )


def _refused_by_the_calendar(settings: Settings, month: str) -> bool:
    """Refuse immediately if the calendar alone forbids the close: that check needs no warehouse."""
    reasons = preconditions.calendar_refusals(settings, month, now=datetime.now(UTC))
    if reasons:
        refuse(f"{month} cannot close.", reasons)
    return bool(reasons)


def _reasons(failed_checks: Iterable[Any]) -> tuple[str, ...]:
    return tuple(reason for check in failed_checks if check.name == "may_close" for reason in check.metadata["reasons"])
