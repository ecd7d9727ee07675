"""Orders to the bank: files in `payouts/orders/`, each named and hashed by a line of the register.

The register decides, the file follows. A file is written under a dot name, then its line is appended, then the file
gets its name. A file without a line never has its name, so nobody can send it; a line whose file was not named yet is
completed by the next command.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from allive.ingestion.durable import sync_file, write_bytes
from allive.ingestion.settings import Settings
from allive.payouts import ledger, months
from allive.payouts.bank_details import electronic, masked
from allive.payouts.bank_file import compose_bank_file, parse_bank_file
from allive.payouts.errors import Refusal
from allive.payouts.payer import payer, payer_refusals
from allive.payouts.payments.facts import Cancelled, Event, Fact, Ordered, OrderFile
from allive.payouts.payments.order_files import ORDERS_FOLDER, aside_of
from allive.payouts.payments.register import Register, RegisterError, append, read_register
from allive.payouts.payments.state import Payments, PaymentState, payments_of
from allive.payouts.target_days import requested_on
from allive.payouts.transfers import TransferLine, read_transfer_lines


@dataclass(frozen=True)
class GivenOrder:
    """An order as given.

    Attributes:
        path: Its file, to be sent to the bank.
        transfers: How many.
    """

    message_id: str
    path: Path
    requested_on: date
    transfers: int
    cents: int


@dataclass(frozen=True)
class Reissue:
    """The orders that were given again, and why other transfers that are not executed were passed over."""

    orders: tuple[GivenOrder, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class _Attempt:
    """A transfer to be ordered, and the cancellation of the attempt that it replaces, if that is not cancelled yet."""

    transfer: TransferLine
    end_to_end_id: str
    cancelled: Cancelled | None = None


def check_orders(settings: Settings, transfers: Sequence[TransferLine], *, today: date) -> None:
    """Compose the orders of a month, and drop them: a month whose orders cannot be written must not close.

    Raises:
        Refusal: The payer's settings are missing, or a limit is smaller than a transfer.
        BankFileError: A message does not validate.
    """
    attempts = [_Attempt(line, line.end_to_end_id) for line in transfers if line.ordered_cents]
    for number, chunk in enumerate(_chunks(settings, attempts), start=1):
        month = chunk[0].transfer.settlement_month
        _compose(settings, chunk, message_id=f"ALV-{month}-{number}", wanted=today, today=today)


def unordered(settings: Settings, payments: Payments, month: str) -> list[TransferLine]:
    """Return the transfers of a closed month that were never ordered."""
    return [
        line
        for line in read_transfer_lines(ledger.month_dir(settings, month))
        if line.ordered_cents and payments.last_attempt(month, line.artist_id) is None
    ]


def unordered_months(settings: Settings, payments: Payments) -> dict[str, list[TransferLine]]:
    """Return the closed months with transfers that were never ordered."""
    found = {month: unordered(settings, payments, month) for month in ledger.closed_months(settings)}
    return {month: lines for month, lines in found.items() if lines}


def order_month(settings: Settings, month: str, *, operator: str, today: date) -> list[GivenOrder]:
    """Order the transfers of a closed month that were never ordered. Twice is once.

    Transfers to artists who are held by now, or whose IBAN was set aside meanwhile, are left for a person to decide.

    Args:
        settings: The data home.
        month: A closed month.
        operator: Who closed it.
        today: The day of the order in Paris.

    Raises:
        Refusal: The payer's settings are missing.
    """
    register = read_register(settings)
    payments = payments_of(register)
    attempts = [
        _Attempt(line, line.end_to_end_id)
        for line in unordered(settings, payments, month)
        if not why_not_ordered(payments, line)
    ]
    return _give(settings, register, month, attempts, operator=operator, why="the close", event="ordered", today=today)


def why_not_ordered(payments: Payments, line: TransferLine) -> str | None:
    """Return why a transfer must not be ordered now; None if it can be."""
    if (hold := payments.holds.get(line.artist_id)) is not None:
        return (
            f"Artist {line.artist_id} is held since {hold.at[:10]} ({hold.why}): lift it with "
            f"`allive payments unhold {line.artist_id} --why …`."
        )
    iban = electronic(line.iban)
    if (line.artist_id, iban) in payments.set_aside:
        return (
            f"The IBAN {masked(iban)} of artist {line.artist_id} is set aside: confirm it with `allive payments "
            f"confirm-iban {line.artist_id} --why …`, or give the amount back to the balance with `allive payments "
            f"return {line.settlement_month} {line.artist_id} --why …`."
        )
    return None


def reissue(
    settings: Settings,
    month: str,
    *,
    artists: Sequence[str],
    is_withdrawn: bool,
    operator: str,
    why: str,
    today: date,
) -> Reissue:
    """Order again what was not executed of a closed month, under new ids and a new date; amounts never change.

    Args:
        settings: The data home.
        month: A closed month.
        artists: Only these; by default everybody whose order was cancelled or never given.
        is_withdrawn: Whether the operator says that orders without an answer are not at the bank. They are cancelled by
            the same line that orders them again.
        operator: Who asks for it.
        why: The reason, for the record.
        today: The day of the order in Paris.

    Raises:
        Refusal: Nothing can be ordered again, or a named artist cannot be; nothing was written.
    """
    register = read_register(settings)
    payments = payments_of(register)
    attempts, refusals, passed_over = [], [], []
    lines = {line.artist_id: line for line in _ordered_lines(settings, payments, month)}
    refusals += [f"The run of {month} ordered nothing for {artist!r}." for artist in artists if artist not in lines]
    for line in lines.values():
        if artists and line.artist_id not in artists:
            continue
        found = _again(payments, line, is_withdrawn=is_withdrawn)
        if isinstance(found, _Attempt):
            attempts.append(found)
        elif artists:
            refusals.append(found.reason)
        elif not found.is_over:
            passed_over.append(found.reason)
    if not attempts:
        refusals += passed_over or [f"Every order of {month} was executed, returned or given back."]
    if refusals:
        raise Refusal(month, tuple(refusals), "be ordered again")
    given = _give(settings, register, month, attempts, operator=operator, why=why, event="ordered", today=today)
    return Reissue(tuple(given), tuple(passed_over))


@dataclass(frozen=True)
class _NotAgain:
    """Why a transfer is not ordered again. One that is over is passed over, unless it was asked for by name."""

    reason: str
    is_over: bool = False


def _again(payments: Payments, line: TransferLine, *, is_withdrawn: bool) -> _Attempt | _NotAgain:
    """Return the next attempt to pay a transfer, or why there is none."""
    refusal = why_not_ordered(payments, line)
    last = payments.last_attempt(line.settlement_month, line.artist_id)
    if last is None:
        return _NotAgain(refusal) if refusal else _Attempt(line, line.end_to_end_id)
    number = len(payments.debts[last.debt]) + 1
    next_id = f"{line.end_to_end_id}-{number}"
    if last.state is PaymentState.ORDERED:
        if not is_withdrawn:
            return _NotAgain(
                f"{last.end_to_end_id} ({line.artist_id}) is ordered for {last.order.requested_on}, and the bank can "
                "still execute it. If it was never sent, or the bank has withdrawn it, add --not-sent."
            )
        cancelled = Cancelled(end_to_end_id=last.end_to_end_id)
        return _NotAgain(refusal) if refusal else _Attempt(line, next_id, cancelled)
    if last.state is PaymentState.CANCELLED:
        return _NotAgain(refusal) if refusal else _Attempt(line, next_id)
    reason = f"{last.end_to_end_id} ({line.artist_id}) is {last.state}: it is not ordered again."
    return _NotAgain(reason, is_over=True)


def _ordered_lines(settings: Settings, payments: Payments, month: str) -> Iterator[TransferLine]:
    """Yield the transfers of a closed month; those of format 1 are read back from its bank file."""
    if month not in ledger.closed_months(settings):
        raise Refusal(month, ("It is not closed, so nothing was ordered.",), "be ordered again")
    if ledger.read_manifest(settings, month).format > 1:
        yield from read_transfer_lines(ledger.month_dir(settings, month))
        return
    for (of_month, artist_id), ids in payments.debts.items():
        if of_month == month:
            first = payments.attempts[ids[0]].ordered
            yield TransferLine(
                settlement_month=month,
                end_to_end_id=first.end_to_end_id,
                artist_id=artist_id,
                account_holder=first.name,
                iban=first.iban,
                bic=None,
                street=None,
                postcode=None,
                town=None,
                country=None,
                paid_cents=first.cents + first.withheld_cents,
                withheld_cents=first.withheld_cents,
                ordered_cents=first.cents,
            )


def _give(
    settings: Settings,
    register: Register,
    month: str,
    attempts: Sequence[_Attempt],
    *,
    operator: str,
    why: str,
    event: Event,
    today: date,
) -> list[GivenOrder]:
    """Write the orders of one month, each with its line, and return them."""
    given = []
    head = register.head
    number = sum(1 for line in register.lines.values() if line.order and _is_of(line.order, month))
    run_hash = ledger.read_manifest(settings, month).run_hash
    policy = ledger.read_control(settings, month)["policy"]
    wanted = months.payment_date(month, delay_days=policy["payment_delay_days"])
    for chunk in _chunks(settings, attempts):
        number += 1
        message_id = f"ALV-{month}-{run_hash[:12]}-{number}"
        content = _compose(settings, chunk, message_id=message_id, wanted=wanted, today=today)
        read_back = {one.end_to_end_id: one for one in parse_bank_file(content, name=message_id).transfers}
        order = OrderFile(
            message_id=message_id,
            path=f"{ORDERS_FOLDER}/{message_id}.xml",
            sha256=_sha256(content),
            requested_on=requested_on(wanted, today),
        )
        facts: list[Fact] = [one.cancelled for one in chunk if one.cancelled]
        facts += [
            Ordered(
                end_to_end_id=one.end_to_end_id,
                settlement_month=month,
                artist_id=one.transfer.artist_id,
                cents=one.transfer.ordered_cents,
                withheld_cents=one.transfer.withheld_cents,
                iban=read_back[one.end_to_end_id].iban,
                name=read_back[one.end_to_end_id].name,
            )
            for one in chunk
        ]
        final = settings.payouts_dir / order.path
        if final.exists():
            raise RegisterError(
                f"{final} exists and no line of the register has ordered it: the register has lost lines. Restore "
                "payouts/ as a whole from a backup; nothing was ordered."
            )
        aside = aside_of(final)
        write_bytes(aside, content)
        line_id = append(settings, facts, event=event, operator=operator, why=why, expected_head=head, order=order)
        aside.rename(final)
        sync_file(final.parent)
        head = line_id
        cents = sum(one.transfer.ordered_cents for one in chunk)
        given.append(GivenOrder(message_id, final, order.requested_on, len(chunk), cents))
    return given


def _is_of(order: OrderFile, month: str) -> bool:
    return order.message_id.startswith(f"ALV-{month}-")


def _compose(settings: Settings, attempts: Sequence[_Attempt], *, message_id: str, wanted: date, today: date) -> bytes:
    refusals = payer_refusals(settings)
    if refusals:
        raise Refusal(attempts[0].transfer.settlement_month, tuple(refusals), "be ordered")
    return compose_bank_file(
        [one.transfer.as_transfer(one.end_to_end_id) for one in attempts],
        payer=payer(settings),
        message_id=message_id,
        requested_on=requested_on(wanted, today),
        created_on=today,
    )


def _chunks(settings: Settings, attempts: Sequence[_Attempt]) -> Iterator[list[_Attempt]]:
    """Split the transfers into orders that keep within the limits of the bank's contract."""
    most, limit = settings.order_max_transfers, settings.order_max_cents
    chunk: list[_Attempt] = []
    cents = 0
    for one in attempts:
        ordered = one.transfer.ordered_cents
        if limit is not None and ordered > limit:
            reason = (
                f"The transfer to {one.transfer.artist_id} of {ordered} cents is above ALLIVE_ORDER_MAX_CENTS "
                f"({limit}): raise the limit with the bank, and here."
            )
            raise Refusal(one.transfer.settlement_month, (reason,), "be ordered")
        if chunk and ((most is not None and len(chunk) == most) or (limit is not None and cents + ordered > limit)):
            yield chunk
            chunk, cents = [], 0
        chunk.append(one)
        cents += ordered
    if chunk:
        yield chunk


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
