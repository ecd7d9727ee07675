"""How much an artist is paid and how much is carried forward: pure arithmetic on integer cents (RULES.md §6)."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from allive.payouts import months
from allive.payouts.bank_details import electronic, why_not_payable
from allive.payouts.carry_reasons import CarryReason
from allive.payouts.sepa_text import to_sepa
from allive.payouts.standing import Standing

IBAN_SETTLING_DAYS: Final = 10
"""Nothing is paid to an IBAN younger than this on the payment date (RULES.md §6)."""

_IN_GOOD_STANDING: Final = Standing()


@dataclass(frozen=True)
class Payee:
    """The payee of a possible transfer.

    Attributes:
        iban: As delivered, without blanks; None if the artist has none.
        iban_first_seen_on: Paris day of the first record with this IBAN; None if the artist has always had it.
        is_first_iban: Whether the artist had no other IBAN before: a first IBAN is not a change.
        has_other_iban: Whether other records of the artist have another IBAN, whatever their age.
        iban_is_undated: Whether a record with this IBAN has no date.
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
    legal_name: str | None = None
    account_holder: str | None = None
    siren: str | None = None
    vat_id: str | None = None
    tax_country: str | None = None
    contact_email: str | None = None
    has_other_iban: bool = False
    iban_is_undated: bool = False

    @property
    def creditor_name(self) -> str | None:
        """The holder of the account as far as known, for the order: banks compare it with the IBAN.

        >>> Payee("a", "Ève", legal_name="Ève SARL").creditor_name
        'Ève SARL'
        """
        names = (self.account_holder, self.legal_name)
        return next((name for name in names if to_sepa(name, max_length=70)), self.name)


@dataclass(frozen=True)
class Balance:
    """The outcome of an artist's month: paid + carried forward = payable, in cents."""

    paid_cents: int
    carried_forward_cents: int
    carry_reason: CarryReason | None


def settle_balance(
    payable_cents: int,
    *,
    payee: Payee,
    month: str,
    minimum_cents: int,
    delay_days: int,
    standing: Standing = _IN_GOOD_STANDING,
) -> Balance:
    """Decide whether `payable_cents` is paid in full or carried in full.

    It is paid if no hold is on the artist, it is due, and the account can be trusted on the payment date (RULES.md §6,
    §10). It is due if it reaches the minimum, or if it is positive and the month is December or the artist has left by
    the month's last day.
    """
    if payable_cents <= 0:
        return Balance(0, payable_cents, CarryReason.NEGATIVE if payable_cents else None)
    has_left = payee.left_on is not None and payee.left_on <= months.last_day(month)
    is_due = payable_cents >= minimum_cents or month.endswith("-12") or has_left
    reason: CarryReason | None
    if standing.is_held:
        reason = CarryReason.HELD
    elif not is_due:
        reason = CarryReason.BELOW_MINIMUM
    else:
        reason = _reason_not_to_trust(payee, standing, paid_on=months.payment_date(month, delay_days=delay_days))
    return Balance(0, payable_cents, reason) if reason else Balance(payable_cents, 0, None)


def _reason_not_to_trust(payee: Payee, standing: Standing, *, paid_on: date) -> CarryReason | None:
    iban = electronic(payee.iban or "")
    if not iban:
        return CarryReason.NO_IBAN
    if (why := why_not_payable(iban)) is not None:
        return CarryReason(why)
    if iban in standing.ibans_set_aside:
        return CarryReason.RETURNED
    # Nobody can say whether an undated IBAN replaced the other one or was replaced by it.
    if payee.iban_is_undated and payee.has_other_iban and iban not in standing.ibans_confirmed:
        return CarryReason.IBAN_UNDATED
    return _reason_of_its_age(payee, paid_on=paid_on)


def _reason_of_its_age(payee: Payee, *, paid_on: date) -> CarryReason | None:
    changed_on = None if payee.is_first_iban else payee.iban_first_seen_on
    if changed_on is not None and (paid_on - changed_on).days < IBAN_SETTLING_DAYS:
        return CarryReason.IBAN_CHANGED
    return None
