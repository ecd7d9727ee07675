"""Brings the register up to date before anything else happens: after a kill, and for months of format 1.

Every command does this first, so it imports nothing that orders unless there is something to order.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger
from allive.payouts.errors import Refusal
from allive.payouts.formats import PAYMENTS_FILE
from allive.payouts.payments.order_files import finish_orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from allive.payouts.bank_file import BankedTransfer
    from allive.payouts.payments.facts import Fact

_PUT_BACK: Final = "payment_returned"
"""The action of the audit log by which earlier versions recorded a returned transfer."""


def catch_up(settings: Settings) -> None:
    """Complete interrupted orders, and note the orders of months that were closed before there was a register.

    A month whose closing was killed before its order is ordered now; if the payer's settings are missing, it waits.
    """
    finish_orders(settings)
    register = settings.payouts_dir / PAYMENTS_FILE
    known = register.read_text(encoding="utf-8") if register.exists() else ""
    for month in ledger.closed_months(settings):
        folder = ledger.month_dir(settings, month)
        if (folder / ledger.BANK_FILE).exists():
            if f'"{month}/{ledger.BANK_FILE}"' not in known:
                _note(settings, month)
        elif f'"ALV-{month}-' not in known and (folder / ledger.TRANSFERS_FILE).exists():
            _order(settings, month)


def _order(settings: Settings, month: str) -> None:
    from allive.payouts.payments.orders import order_month  # noqa: PLC0415

    closer = next(
        entry["operator"]
        for entry in audit.entries(settings)
        if entry["action"] == "close" and entry["settlement_month"] == month
    )
    try:
        order_month(settings, month, operator=closer, today=datetime.now(PARIS).date())
    except Refusal:
        return


def _note(settings: Settings, month: str) -> None:
    """Note the orders of a month of format 1, with the returns that the audit log has of them."""
    from allive.payouts.bank_file import read_bank_file  # noqa: PLC0415
    from allive.payouts.payments.facts import OrderFile  # noqa: PLC0415
    from allive.payouts.payments.register import append, read_register  # noqa: PLC0415

    path = f"{month}/{ledger.BANK_FILE}"
    bank_file = read_bank_file(settings.payouts_dir / path)
    append(
        settings,
        list(_facts_of(settings, month, bank_file.transfers)),
        event="noted",
        operator=audit.operator_name(settings),
        why="ordered before there was a register of payments",
        expected_head=read_register(settings).head,
        order=OrderFile(
            message_id=bank_file.message_id,
            path=path,
            sha256=ledger.read_manifest(settings, month).files[ledger.BANK_FILE],
            requested_on=bank_file.payment_date,
        ),
    )


def _facts_of(settings: Settings, month: str, transfers: "Iterable[BankedTransfer]") -> "Iterator[Fact]":
    from allive.payouts.payments.facts import Ordered, Returned  # noqa: PLC0415
    from allive.payouts.payments.reasons import reason_in_words  # noqa: PLC0415
    from allive.payouts.statements import statement_number  # noqa: PLC0415

    artists = {
        statement_number(month, position): row["artist_id"]
        for position, row in enumerate(ledger.read_lines(settings, month), start=1)
    }
    ids = {}
    for one in transfers:
        artist_id = artists[one.end_to_end_id]
        ids[artist_id] = one.end_to_end_id
        yield Ordered(
            end_to_end_id=one.end_to_end_id,
            settlement_month=month,
            artist_id=artist_id,
            cents=one.amount_cents,
            iban=one.iban,
            name=one.name,
        )
    for entry in audit.entries(settings):
        if entry["action"] == _PUT_BACK and entry["settlement_month"] == month:
            yield Returned(
                end_to_end_id=ids[entry["artist_id"]],
                cents=entry["cents"],
                booked_on=date.fromisoformat(entry["at"][:10]),
                reason=reason_in_words(entry["why"]),
                is_in_audit=True,
            )
