"""How much an artist is paid and how much is carried forward: pure arithmetic on integer cents (RULES.md §6)."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from allive.payouts import months
from allive.payouts.bank_details import are_payable
from allive.payouts.carry_reasons import CarryReason

IBAN_SETTLING_DAYS: Final = 10
"""Nothing is paid to an IBAN younger than this on the payment date (RULES.md §6)."""


@dataclass(frozen=True)
class Payee:
    """The payee of a possible transfer.

    Attributes:
        iban: As delivered, without blanks; None if the artist has none.
        iban_first_seen_on: Paris day of the first record with this IBAN; None if the artist has always had it.
        is_first_iban: Whether the artist had no other IBAN before: a first IBAN is not a change.
    """

    artist_id: str
    name: str | None = None
    iban: str | None = None
    bic: str | None = None
    iban_first_seen_on: date | None = None
    is_first_iban: bool = True
    left_on: date | None = None
    street: str | None = None
    postcode: str | None = None
    town: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Balance:
    """The outcome of an artist's month: paid + carried forward = payable, in cents."""

    paid_cents: int
    carried_forward_cents: int
    carry_reason: CarryReason | None


def settle_balance(payable_cents: int, *, payee: Payee, month: str, minimum_cents: int, delay_days: int) -> Balance:
    """Decide whether `payable_cents` is paid in full or carried in full.

    It is paid if it is due and the bank details can be trusted on the payment date (RULES.md §6). It is due if it
    reaches the minimum, or if it is positive and the month is December or the artist has left by the month's last day.
    """
    if payable_cents <= 0:
        return Balance(0, payable_cents, CarryReason.NEGATIVE if payable_cents else None)
    has_left = payee.left_on is not None and payee.left_on <= months.last_day(month)
    is_due = payable_cents >= minimum_cents or month.endswith("-12") or has_left
    reason = (
        _reason_not_to_trust(payee, paid_on=months.payment_date(month, delay_days=delay_days))
        if is_due
        else CarryReason.BELOW_MINIMUM
    )
    return Balance(0, payable_cents, reason) if reason else Balance(payable_cents, 0, None)


def _reason_not_to_trust(payee: Payee, *, paid_on: date) -> CarryReason | None:
    if not payee.iban:
        return CarryReason.NO_IBAN
    if not are_payable(payee.iban, payee.bic):
        return CarryReason.BAD_IBAN
    changed_on = None if payee.is_first_iban else payee.iban_first_seen_on
    if changed_on is not None and (paid_on - changed_on).days < IBAN_SETTLING_DAYS:
        return CarryReason.IBAN_CHANGED
    return None
