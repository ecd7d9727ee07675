"""Decides each line's payee and carry reason a second time, from every artist record that a run pinned."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from allive.ingestion.settings import Settings
from allive.payouts.bank_details import bic_for, electronic, why_not_payable
from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import Manifest, PayeeRow, PayoutRow, Policy, read_json, read_rows
from allive.payouts.ledger import MANIFEST_FILE, PAYEES_FILE, PAYOUTS_FILE
from allive.payouts.months import following, last_day
from allive.payouts.sepa_text import to_sepa
from allive.payouts.standing import Standing
from allive.payouts.verification.pinned_records import all_records, latest

Named = tuple[str | None, ...]
"""The payee of an order: the account's holder, IBAN without blanks, BIC if it fits, street, postcode, town, country."""

_SETTLING_DAYS: Final = 10
"""Nothing is paid to an IBAN that replaced another within this many days (RULES.md §6)."""
_ADDRESS: Final = ("street", "postcode", "town", "country")
_IDENTITY: Final = ("legal_name", "siren", "vat_id", "tax_country")
_PARIS: Final = ZoneInfo("Europe/Paris")
_DECEMBER: Final = 12
_NO_STANDINGS: Final[Mapping[str, Standing]] = MappingProxyType({})


@dataclass(frozen=True)
class Account:
    """An artist as an order names them."""

    holder: str | None
    iban: str | None
    bic: str | None
    address: tuple[str | None, ...]
    left_on: date | None
    changed_on: date | None
    """The Paris day on which the IBAN replaced an earlier one; None for a first IBAN, and for one of unknown age."""
    is_of_unknown_age: bool = False
    """Whether a record with the IBAN is undated, and another record has another IBAN."""
    identity: tuple[str | None, ...] = (None,) * 4
    """Legal name, SIREN, VAT number, country of tax residence."""

    def reason_to_carry(self, paid_on: date, standing: Standing) -> str:
        """Return why nothing is paid to the account on a day; empty if it can be paid."""
        if not self.iban:
            return "no_iban"
        if why := why_not_payable(self.iban):
            return why
        if self.iban in standing.ibans_set_aside:
            return "returned"
        if self.is_of_unknown_age and self.iban not in standing.ibans_confirmed:
            return "iban_undated"
        return "iban_changed" if self._is_young(paid_on) else ""

    def reason_of_format_1(self, paid_on: date) -> str:
        """Return why a version that closed months of format 1 paid nothing; empty if it paid.

        It called an account outside SEPA, and one whose BIC did not fit, a bad one, and took an undated IBAN for the
        first.
        """
        if not self.iban:
            return "no_iban"
        if why_not_payable(self.iban) or (self.bic and not bic_for(self.iban, self.bic)):
            return "bad_iban"
        return "iban_changed" if self._is_young(paid_on) else ""

    def _is_young(self, on: date) -> bool:
        return self.changed_on is not None and on - self.changed_on < timedelta(days=_SETTLING_DAYS)


_NOBODY: Final = Account(None, None, None, (None,) * len(_ADDRESS), None, None)


def read_accounts(settings: Settings, version: int | None) -> dict[str, Account]:
    """Return every artist of a version of raw/artists, by id.

    Raises:
        GoneError: The version no longer exists.
    """
    seen: defaultdict[str, defaultdict[str, list[datetime | None]]] = defaultdict(lambda: defaultdict(list))
    for artist_id, text, at in (
        all_records(settings, "artists", version).select("artist_id", "iban", "updated_at").rows()
    ):
        if bears := electronic(text or ""):
            seen[artist_id][bears].append(at)
    accounts = {}
    for row in latest(settings, "artists", version, key=["artist_id"]).iter_rows(named=True):
        iban = electronic(row["iban"] or "") or None
        since = seen[row["artist_id"]]
        accounts[row["artist_id"]] = Account(
            holder=_holder(row["account_holder"], row["legal_name"], row["name"]),
            iban=iban,
            bic=row["bic"],
            address=tuple(row[name] for name in _ADDRESS),
            left_on=row["left_on"],
            changed_on=_changed_on(iban, since),
            is_of_unknown_age=iban is not None and None in since[iban] and len(since) > 1,
            identity=tuple(row[name] for name in _IDENTITY),
        )
    return accounts


def _holder(account_holder: str | None, legal_name: str | None, name: str) -> str:
    """Return the first of the names of which a bank could read anything, or the artist's own."""
    if to_sepa(account_holder, max_length=70):
        return str(account_holder)
    return str(legal_name) if to_sepa(legal_name, max_length=70) else name


def _changed_on(iban: str | None, seen: Mapping[str, list[datetime | None]]) -> date | None:
    """Return the Paris day of an IBAN's first record; None for a first IBAN, and for one with an undated record."""
    if iban is None:
        return None
    dated = {other: min(filter(None, times)) for other, times in seen.items() if None not in times}
    if iban not in dated:
        return None
    is_first = len(dated) == len(seen) and min((at, other) for other, at in dated.items())[1] == iban
    return None if is_first else dated[iban].astimezone(_PARIS).date()


def check_payees(
    report: Report,
    settings: Settings,
    month: Month,
    payees: Mapping[str, Named] | None = None,
    *,
    standings: Mapping[str, Standing] = _NO_STANDINGS,
) -> None:
    """Decide each line's payment again: paid or carried, why, and to whom.

    Args:
        report: Where the findings go.
        settings: Where the raw tables are.
        month: The run; its `raw_versions` must still exist.
        payees: The payees that the order will name; None once it is written, as it is then checked by itself.
        standings: Holds and doubtful IBANs by artist, from the register of payments as of the run.

    Raises:
        GoneError: The version of raw/artists no longer exists.
    """
    place = report.at(Check.BALANCES, month.file(PAYOUTS_FILE))
    accounts = read_accounts(settings, month.control.raw_versions.get("artists"))
    policy = month.control.policy
    paid_on = date.fromisoformat(f"{following(month.name)}-03") + timedelta(days=policy.payment_delay_days)
    is_of_format_1 = payees is None and _format_of(month) == 1
    if not is_of_format_1:
        _check_identities(report.at(Check.BALANCES, month.file(PAYEES_FILE)), month, accounts)
    for row in month.rows:
        account = accounts.get(row.artist_id, _NOBODY)
        found = row.paid_cents, row.carried_forward_cents, row.carry_reason
        expected = _settled(row, account, policy, paid_on=paid_on, standing=standings.get(row.artist_id, Standing()))
        if is_of_format_1 and found == _settled_in_format_1(row, account, policy, paid_on=paid_on):
            expected = found
        place.same(f"artist {row.artist_id!r}, paid, carried and why", found=found, expected=expected)
        if payees is not None and row.paid_cents:
            place.same(f"artist {row.artist_id!r}, account", found=payees.get(row.artist_id), expected=_named(account))


def _check_identities(place: Place, month: Month, accounts: Mapping[str, Account]) -> None:
    """Compare who is on each statement with the records; a carriage return in a file reads as a blank."""
    with place.reading():
        for row in read_rows(month.folder / PAYEES_FILE, PayeeRow):
            known = accounts.get(row.artist_id, _NOBODY).identity
            found = row.legal_name, row.siren, row.vat_id, row.tax_country
            expected = tuple((value or "").replace("\r", " ") for value in known)
            place.same(f"artist {row.artist_id!r}, identity", found=found, expected=expected)


def _settled(
    row: PayoutRow, account: Account, policy: Policy, *, paid_on: date, standing: Standing
) -> tuple[int, int, str]:
    """Return the cents paid, the cents carried and the reason: all is paid or all is carried (RULES.md §6, §10)."""
    payable = row.brought_forward_cents + row.earned_cents + row.adjustment_cents
    if payable <= 0:
        return 0, payable, "negative" if payable else ""
    if standing.is_held:
        return 0, payable, "held"
    if not _is_due(payable, row, account, policy):
        return 0, payable, "below_minimum"
    reason = account.reason_to_carry(paid_on, standing)
    return (0, payable, reason) if reason else (payable, 0, "")


def _settled_in_format_1(row: PayoutRow, account: Account, policy: Policy, *, paid_on: date) -> tuple[int, int, str]:
    """Return the same as a version that closed months of format 1 decided it."""
    payable = row.brought_forward_cents + row.earned_cents + row.adjustment_cents
    if payable <= 0 or not _is_due(payable, row, account, policy):
        return _settled(row, account, policy, paid_on=paid_on, standing=Standing())
    reason = account.reason_of_format_1(paid_on)
    return (0, payable, reason) if reason else (payable, 0, "")


def _is_due(payable: int, row: PayoutRow, account: Account, policy: Policy) -> bool:
    last = last_day(row.settlement_month)
    has_left = account.left_on is not None and account.left_on <= last
    return payable >= policy.minimum_payout_cents or last.month == _DECEMBER or has_left


def _named(account: Account) -> Named:
    return account.holder, account.iban, account.iban and bic_for(account.iban, account.bic), *account.address


def _format_of(month: Month) -> int:
    """Return the format of a closed month; a month without a manifest is reported elsewhere."""
    try:
        return read_json(month.folder / MANIFEST_FILE, Manifest).format
    except (OSError, ValueError):
        return 1
