"""The accounts and journals that entries use. Each is a choice of the accountant, with a default (docs/accounts.md)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from itertools import pairwise
from typing import Final

_ACCOUNT_NUMBER: Final = re.compile(r"[0-9]{3}[0-9A-Z]{0,17}")
_PLAIN_ID: Final = re.compile(r"(?!x[0-9a-f]{16}$)[a-z0-9][a-z0-9_-]{0,16}")
_HASH_DIGITS: Final = 16


@dataclass(frozen=True)
class Account:
    """A ledger account: at least three digits, and a label.

    Raises:
        ValueError: The number or the label is not one.
    """

    number: str
    label: str

    def __post_init__(self) -> None:
        if not _ACCOUNT_NUMBER.fullmatch(self.number):
            raise ValueError(
                f"Found the account number {self.number!r}, expected 3 digits, then at most 17 digits or capitals."
            )
        if not self.label.strip():
            raise ValueError(f"Account {self.number} has no label; give it one.")


@dataclass(frozen=True)
class Auxiliary:
    """An artist's own account below the debts to artists. `name` is shown with it."""

    number: str
    name: str


@dataclass(frozen=True)
class Journal:
    """A journal of entries, by its code."""

    code: str
    label: str


@dataclass(frozen=True)
class ChartOfAccounts:
    """The accountant's choices: where each fact is booked. Replace single ones with `dataclasses.replace`.

    Attributes:
        withholdings: The account of each withholding, by its name; `withheld` for every other one.
        withholds_at_payment: Whether a withholding is owed when the payment is executed, not when the month closes.
        reclassifies_refunds: Whether refunds borne by Allive move to an account of their own.

    Raises:
        ValueError: An account has two labels.
    """

    rights_direct: Account = Account("651600", "Droits d'auteur et de reproduction")
    rights_pool: Account = Account("651600", "Droits d'auteur et de reproduction")
    rights_adjusted: Account = Account("651600", "Droits d'auteur et de reproduction")
    refunds_borne: Account = Account("651800", "Droits sur abonnements remboursés")
    artists: Account = Account("467100", "Artistes")
    deductible_vat: Account = Account("445660", "TVA déductible")
    withheld: Account = Account("437800", "Autres organismes sociaux")
    withholdings: Mapping[str, Account] = field(default_factory=dict)
    bank: Account = Account("512000", "Banque")
    otherwise: Account = Account("512000", "Banque")
    bank_fees: Account = Account("627000", "Services bancaires")
    suspense: Account = Account("471000", "Compte d'attente")
    prescribed: Account = Account("758000", "Produits divers de gestion courante")
    lost: Account = Account("654000", "Pertes sur créances irrécouvrables")
    rounding_gain: Account = Account("758000", "Produits divers de gestion courante")
    rounding_loss: Account = Account("658000", "Charges diverses de gestion courante")
    profit: Account = Account("120000", "Résultat de l'exercice (bénéfice)")
    loss: Account = Account("129000", "Résultat de l'exercice (perte)")
    royalties_journal: Journal = Journal("RD", "Droits des artistes")
    bank_journal: Journal = Journal("BQ", "Banque")
    miscellaneous_journal: Journal = Journal("OD", "Opérations diverses")
    opening_journal: Journal = Journal("AN", "À nouveaux")
    withholds_at_payment: bool = False
    reclassifies_refunds: bool = False

    def __post_init__(self) -> None:
        labels: dict[str, str] = {}
        for account in (*self.accounts().values(), *self.withholdings.values()):
            if labels.setdefault(account.number, account.label) != account.label:
                raise ValueError(
                    f"Account {account.number} has two labels, {labels[account.number]!r} and {account.label!r}; "
                    "expected one. Give each of its uses the same."
                )

    def accounts(self) -> dict[str, Account]:
        """Return the accounts by their use, such as `bank`; withholdings with an account of their own are not in it."""
        uses = ((one.name, getattr(self, one.name)) for one in fields(self))
        return {name: value for name, value in uses if isinstance(value, Account)}

    def withholding(self, name: str) -> Account:
        """Return the account of the creditor of a withholding."""
        return self.withholdings.get(name, self.withheld)


@dataclass(frozen=True)
class DatedCharts:
    """Charts of accounts with the first day on which each is in force, oldest first.

    Raises:
        ValueError: There is none, or their days are not in order.
    """

    by_day: tuple[tuple[date, ChartOfAccounts], ...] = ((date.min, ChartOfAccounts()),)

    def __post_init__(self) -> None:
        days = [day for day, _ in self.by_day]
        if not days or any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError(
                f"Found charts from {', '.join(map(str, days)) or 'no day'}, expected days in rising order."
            )

    def on(self, day: date) -> ChartOfAccounts:
        """Return the chart in force on a day.

        Raises:
            ValueError: The first chart begins later.
        """
        in_force = [chart for first, chart in self.by_day if first <= day]
        if not in_force:
            raise ValueError(f"No chart of accounts is in force on {day}; the first begins on {self.by_day[0][0]}.")
        return in_force[-1]


def with_accounts(chart: ChartOfAccounts, texts: Mapping[str, str]) -> ChartOfAccounts:
    """Replace accounts of a chart by texts of a setting: number, blank, label.

    >>> with_accounts(ChartOfAccounts(), {"bank": "512100 Banque Exemple"}).bank
    Account(number='512100', label='Banque Exemple')

    Raises:
        ValueError: A name is no account of the chart, or a text is no account.
    """
    names = chart.accounts().keys()
    unknown = sorted(texts.keys() - names)
    if unknown:
        raise ValueError(f"Found the accounts {', '.join(unknown)}, expected only: {', '.join(sorted(names))}.")
    accounts: dict[str, Account] = {}
    for name, text in texts.items():
        number, _, label = text.strip().partition(" ")
        accounts[name] = Account(number, label.strip())
    # mypy checks the arguments of `replace` against every field, not only against the accounts.
    return replace(chart, **accounts)  # type: ignore[arg-type]


def auxiliary_number(artist_id: str) -> str:
    """Return the number of an artist's own account: at most 17 plain characters, different for different ids.

    A plain id stays: lower case, digits, `-` and `_`. Any other becomes `x` and the start of its SHA-256, because
    accounting software ignores case and knows few characters. No plain id that stays looks like such a hash.

    >>> auxiliary_number("a01"), auxiliary_number("A01"), auxiliary_number("Zoë|1")
    ('a01', 'xe98ed8057af14fe0', 'xbb70ae6c88045cb2')
    """
    if _PLAIN_ID.fullmatch(artist_id):
        return artist_id
    return f"x{hashlib.sha256(artist_id.encode()).hexdigest()[:_HASH_DIGITS]}"
