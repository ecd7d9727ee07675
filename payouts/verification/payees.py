"""Decides each line's payee and carry reason a second time, from every artist record that a run pinned."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allive.ingestion.settings import Settings
from allive.payouts.bank_details import are_payable, electronic
from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.month_files import PayoutRow, Policy
from allive.payouts.ledger import PAYOUTS_FILE
from allive.payouts.months import following, last_day
from allive.payouts.verification.pinned_records import all_records, latest

Named = tuple[str | None, ...]
"""The payee of a transfer: name, IBAN without blanks, BIC, street, postcode, town, country."""

_SETTLING_DAYS: Final = 10
"""Nothing is paid to an IBAN that replaced another within this many days (RULES.md §6)."""
_ADDRESS: Final = ("street", "postcode", "town", "country")
_SINCE_EVER: Final = datetime.min.replace(tzinfo=UTC)
_PARIS: Final = ZoneInfo("Europe/Paris")
_DECEMBER: Final = 12


@dataclass(frozen=True)
class Account:
    """An artist as a transfer names them."""

    name: str | None
    iban: str | None
    bic: str | None
    address: tuple[str | None, ...]
    left_on: date | None
    changed_on: date | None
    """The Paris day on which the IBAN replaced an earlier one; None for a first IBAN, and for one of unknown age."""

    def reason_to_carry(self, paid_on: date) -> str:
        """Return why nothing is paid to the account on a day; empty if it can be paid."""
        if not self.iban:
            return "no_iban"
        if not are_payable(self.iban, self.bic):
            return "bad_iban"
        if self.changed_on is not None and paid_on - self.changed_on < timedelta(days=_SETTLING_DAYS):
            return "iban_changed"
        return ""


_NOBODY: Final = Account(None, None, None, (None,) * len(_ADDRESS), None, None)


def read_accounts(settings: Settings, version: int | None) -> dict[str, Account]:
    """Return every artist of a version of raw/artists, by id.

    Raises:
        GoneError: The version no longer exists.
    """
    seen: defaultdict[str, defaultdict[str, list[datetime | None]]] = defaultdict(lambda: defaultdict(list))
    for artist_id, iban, at in (
        all_records(settings, "artists", version).select("artist_id", "iban", "updated_at").rows()
    ):
        if iban is not None:
            seen[artist_id][electronic(iban)].append(at)
    return {
        row["artist_id"]: Account(
            name=row["name"],
            iban=row["iban"] and electronic(row["iban"]),
            bic=row["bic"],
            address=tuple(row[name] for name in _ADDRESS),
            left_on=row["left_on"],
            changed_on=_changed_on(row["iban"] and electronic(row["iban"]), seen[row["artist_id"]]),
        )
        for row in latest(settings, "artists", version, key=["artist_id"]).iter_rows(named=True)
    }


def _changed_on(iban: str | None, seen: Mapping[str, list[datetime | None]]) -> date | None:
    """Return the Paris day of an IBAN's first record; None for a first IBAN, and for one with an undated record."""
    since = {
        other: min((at for at in times if at is not None), default=_SINCE_EVER) if None not in times else _SINCE_EVER
        for other, times in seen.items()
    }
    if iban is None or since[iban] == _SINCE_EVER:
        return None
    is_first = min(since, key=lambda other: (since[other], other)) == iban
    return None if is_first else since[iban].astimezone(_PARIS).date()


def check_payees(report: Report, settings: Settings, month: Month, payees: Mapping[str, Named] | None = None) -> None:
    """Decide each line's payment again: paid or carried, why, and to whom.

    Args:
        report: Where the findings go.
        settings: Where the raw tables are.
        month: The run; its `raw_versions` must still exist.
        payees: The payees that the bank file will name; None once it is written, as it is then checked by itself.

    Raises:
        GoneError: The version of raw/artists no longer exists.
    """
    place = report.at(Check.BALANCES, month.file(PAYOUTS_FILE))
    accounts = read_accounts(settings, month.control.raw_versions.get("artists"))
    policy = month.control.policy
    paid_on = date.fromisoformat(f"{following(month.name)}-03") + timedelta(days=policy.payment_delay_days)
    for row in month.rows:
        account = accounts.get(row.artist_id, _NOBODY)
        found = row.paid_cents, row.carried_forward_cents, row.carry_reason
        expected = _settled(row, account, policy, paid_on=paid_on)
        place.same(f"artist {row.artist_id!r}, paid, carried and why", found=found, expected=expected)
        if payees is not None and row.paid_cents:
            place.same(f"artist {row.artist_id!r}, account", found=payees.get(row.artist_id), expected=_named(account))


def _settled(row: PayoutRow, account: Account, policy: Policy, *, paid_on: date) -> tuple[int, int, str]:
    """Return the cents paid, the cents carried and the reason: all is paid or all is carried (RULES.md §6)."""
    payable = row.brought_forward_cents + row.earned_cents + row.adjustment_cents
    if payable <= 0:
        return 0, payable, "negative" if payable else ""
    last = last_day(row.settlement_month)
    has_left = account.left_on is not None and account.left_on <= last
    if payable < policy.minimum_payout_cents and last.month != _DECEMBER and not has_left:
        return 0, payable, "below_minimum"
    reason = account.reason_to_carry(paid_on)
    return (0, payable, reason) if reason else (payable, 0, "")


def _named(account: Account) -> Named:
    return account.name, account.iban, account.bic, *account.address
