"""The yearly statement: an artist's earnings in a year, by month and by mode of exploitation, and what became of them.

French law requires this account once per year. It adds up the figures that the monthly statements print, so that the
year agrees with them to the cent. The caller brings the payments that the bank executed and returned.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from allive.payouts.ledger import CONTROL_FILE, MANIFEST_FILE
from allive.payouts.months import following
from allive.payouts.statements.french import (
    FEWEST_SHOWN,
    count,
    day,
    duration,
    euros,
    few,
    month_name,
    of_month,
    plain_amount,
    printable,
    typographic,
)
from allive.payouts.statements.month import BalanceEntry, Party, Statement, StatementDataError, read_statements
from allive.payouts.statements.names import statement_file_name
from allive.payouts.statements.wording import (
    LONGEST_NAME,
    artist_heading,
    contact_sentence,
    entry_label,
    party_lines,
    vat_sentence,
)
from allive.payouts.statements.writing import Progress, write_documents

MODE_OF_EXPLOITATION: Final = "Diffusion en flux (streaming) à la demande par abonnement"

_UNCONFIRMED: Final = "Ordonné, pas encore confirmé par la banque"
_NOTES: Final = (
    (
        "Direct : ce que vous ont apporté les euros des abonnés qui vous ont regardé. Pot commun : votre part de ce "
        "que rapportent les artistes connus et les abonnés qui n'ont rien regardé. Une régularisation corrige un mois "
        "antérieur ; elle est comptée dans le mois de sa clôture. Le virement d'un mois est ordonné le mois suivant."
    ),
    (
        "Les abonnés payants sont comptés chaque mois : leur total est un nombre d'abonnés-mois. En dessous de "
        f"{FEWEST_SHOWN}, leur nombre n'est pas communiqué (n. c.)."
    ),
)


@dataclass(frozen=True)
class PaymentsOfYear:
    """An artist's payments in a calendar year: orders by the day they ask for, the rest by the bank's day. In cents.

    Attributes:
        cancelled_cents: Of orders that were never executed.
        otherwise_cents: Paid by cheque or from another bank.
        unconfirmed_cents: Ordered, without an answer of the bank so far.
    """

    ordered_cents: int = 0
    cancelled_cents: int = 0
    executed_cents: int = 0
    returned_cents: int = 0
    otherwise_cents: int = 0
    unconfirmed_cents: int = 0

    @property
    def paid_cents(self) -> int:
        """The part that reached the artist, as far as the bank has said; negative if more came back."""
        return self.executed_cents - self.returned_cents + self.otherwise_cents


NO_PAYMENTS: Final = PaymentsOfYear()
_NOTHING_KNOWN: Final[Mapping[str, PaymentsOfYear]] = MappingProxyType({})


@dataclass(frozen=True)
class MonthOfYear:
    """One month of an artist's year, without its lives: a year of ten thousand artists fits in memory."""

    settlement_month: str
    payment_date: date
    artist_name: str
    watch_ms: int
    paying_subscribers: int
    direct_cents: int
    pool_cents: int
    earned_cents: int
    adjustment_cents: int
    balance_entries: tuple[BalanceEntry, ...]
    opening_cents: int
    ordered_cents: int
    withheld_cents: int
    paid_cents: int
    carried_forward_cents: int
    payer: Party
    payee: Party
    vat_note: str


@dataclass(frozen=True)
class Coverage:
    """The closed months that a yearly statement covers, and the hash of the last run, which chains to all before it."""

    year: int
    first_month: str
    last_month: str
    payment_date: date
    run_hash: str


def write_yearly_statements(
    months_folders: list[Path],
    *,
    year: int,
    target: Path,
    contact: str,
    payments: Mapping[str, PaymentsOfYear] = _NOTHING_KNOWN,
    workers: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Write `<target>/<artist_id>.pdf` for every artist with a statement in the year, and return how many there are.

    Months of other years are left out; a year that is not over has the months closed so far. Adjustments are those
    booked in the year's runs, whichever month they correct. File names: `statement_file_name`.

    Args:
        months_folders: Closed months.
        year: The calendar year.
        target: The folder for the documents.
        contact: As for `write_statements`.
        payments: The outcome of the payments, by artist; no payment of an artist who is missing.
        workers: As for `write_statements`.
        progress: Called after each statement.

    Raises:
        ValueError: None of the months is in that year.
        StatementDataError: A month's files contradict one another.
    """
    folders = sorted((folder for folder in months_folders if folder.name[:4] == str(year)), key=lambda path: path.name)
    if not folders:
        raise ValueError(
            f"No closed month of {year} among {len(months_folders)} given; expected folders named YYYY-MM. "
            "Close a month of that year first, or ask for another year."
        )
    coverage = _coverage(folders, year)
    years = _read_years(folders)
    target.mkdir(parents=True, exist_ok=True)

    def document(source: tuple[str, tuple[MonthOfYear, ...]]) -> tuple[Path, dict[str, Any]]:
        artist_id, months = source
        return target / statement_file_name(artist_id), year_page(
            artist_id, months, coverage=coverage, contact=contact, payments=payments.get(artist_id, NO_PAYMENTS)
        )

    return write_documents("year.typ", document, years.items(), workers=workers, progress=progress)


def year_page(
    artist_id: str,
    months: tuple[MonthOfYear, ...],
    *,
    coverage: Coverage,
    contact: str,
    payments: PaymentsOfYear = NO_PAYMENTS,
) -> dict[str, Any]:
    """Return the strings of `templates/year.typ`."""
    earned = sum(month.earned_cents for month in months)
    adjustments = sum(month.adjustment_cents for month in months)
    withheld = sum(month.withheld_cents for month in months)
    ordered = sum(month.ordered_cents for month in months)
    closing = months[-1].carried_forward_cents
    artist = artist_heading(months[-1].artist_name, artist_id)
    next_month = month_name(following(coverage.last_month))
    return {
        "title": f"Relevé annuel {coverage.year} · {artist}",
        "year": str(coverage.year),
        "date": [coverage.payment_date.year, coverage.payment_date.month, coverage.payment_date.day],
        "artist": artist,
        "artist_id": printable(artist_id, longest=LONGEST_NAME),
        "covers": f"Clôtures {of_month(coverage.first_month)} à {month_name(coverage.last_month)}",
        "outcome": {
            "label": f"Gagné en {coverage.year}, régularisations comprises",
            "amount": euros(earned + adjustments),
            "why": typographic(_outcome(payments, coverage.year)),
        },
        "months": [_month_row(month) for month in months],
        "total": ["Total", *_total_row(months)],
        "modes": [
            [
                MODE_OF_EXPLOITATION,
                _subscriber_months(months),
                duration(sum(month.watch_ms for month in months)),
                euros(earned + adjustments),
            ]
        ],
        "balance": [
            [typographic("Solde à l'ouverture de l'année"), euros(months[0].opening_cents)],
            *([entry_label(entry), euros(entry.cents)] for month in months for entry in month.balance_entries),
            [f"Gagné en {coverage.year}", euros(earned)],
            ["Régularisations", euros(adjustments)],
            *([["Retenues", euros(-withheld)]] if withheld else []),
            [
                typographic(f"Virements ordonnés par ces clôtures, jusqu'au {day(coverage.payment_date)}"),
                euros(-ordered),
            ],
        ],
        "closing": [f"Solde reporté sur {next_month}", euros(closing)],
        "payments": _payment_lines(payments),
        "paid": [f"Payé en {coverage.year}", euros(payments.paid_cents)],
        "unconfirmed": [typographic(_UNCONFIRMED), euros(payments.unconfirmed_cents)],
        "payee": party_lines(months[-1].payee, heading=months[-1].artist_name),
        "payer": party_lines(months[-1].payer),
        "vat_note": vat_sentence(months[-1].vat_note),
        "notes": [typographic(note) for note in _NOTES],
        "contact": contact_sentence(contact),
        "run_hash": [of_month(coverage.last_month), coverage.run_hash],
    }


def _outcome(payments: PaymentsOfYear, year: int) -> str:
    said = f"{euros(payments.paid_cents)} payés en {year}"
    if payments.unconfirmed_cents:
        said += f" ; {euros(payments.unconfirmed_cents)} ordonnés, pas encore confirmés par la banque"
    return said


def _payment_lines(payments: PaymentsOfYear) -> list[list[str]]:
    """Return what became of the orders; a line without an amount is left out, except the first two."""
    lines = [
        ["Virements ordonnés", euros(payments.ordered_cents)],
        ["Virements exécutés par la banque", euros(payments.executed_cents)],
    ]
    if payments.cancelled_cents:
        lines.insert(1, ["Virements annulés avant leur exécution", euros(payments.cancelled_cents)])
    if payments.returned_cents:
        lines.append(["Virements retournés par la banque", euros(-payments.returned_cents)])
    if payments.otherwise_cents:
        lines.append(["Payé autrement que par virement", euros(payments.otherwise_cents)])
    return lines


def _coverage(folders: list[Path], year: int) -> Coverage:
    control = json.loads((folders[-1] / CONTROL_FILE).read_text(encoding="utf-8"))
    manifest = json.loads((folders[-1] / MANIFEST_FILE).read_text(encoding="utf-8"))
    return Coverage(
        year=year,
        first_month=folders[0].name,
        last_month=folders[-1].name,
        payment_date=date.fromisoformat(control["payment_date"]),
        run_hash=manifest["run_hash"],
    )


def _read_years(folders: Iterable[Path]) -> dict[str, tuple[MonthOfYear, ...]]:
    years: dict[str, list[MonthOfYear]] = defaultdict(list)
    for folder in folders:
        for statement in read_statements(folder):
            years[statement.artist_id].append(_month_of_year(statement))
    for artist_id, months in years.items():
        _check(artist_id, months)
    return {artist_id: tuple(months) for artist_id, months in years.items()}


def _check(artist_id: str, months: list[MonthOfYear]) -> None:
    moved = sum(
        month.earned_cents + month.adjustment_cents + sum(entry.cents for entry in month.balance_entries)
        for month in months
    )
    found = months[0].opening_cents + moved - sum(month.paid_cents for month in months)
    if found != months[-1].carried_forward_cents:
        raise StatementDataError(
            f"Artist {artist_id!r}: the year's months lead to a balance of {found} cents, but "
            f"{months[-1].settlement_month} carries {months[-1].carried_forward_cents}. "
            "Give every closed month of the year; if none is missing, run `allive verify`."
        )


def _month_of_year(statement: Statement) -> MonthOfYear:
    return MonthOfYear(
        settlement_month=statement.settlement_month,
        payment_date=statement.payment_date,
        artist_name=statement.artist_name,
        watch_ms=statement.watch_ms,
        paying_subscribers=statement.paying_subscribers,
        direct_cents=statement.direct_cents,
        pool_cents=statement.pool_cents,
        earned_cents=statement.earned_cents,
        adjustment_cents=statement.adjustment_cents,
        balance_entries=statement.balance_entries,
        opening_cents=statement.opening_cents,
        ordered_cents=statement.ordered_cents,
        withheld_cents=statement.withheld_cents,
        paid_cents=statement.paid_cents,
        carried_forward_cents=statement.carried_forward_cents,
        payer=statement.payer,
        payee=statement.payee,
        vat_note=statement.vat_note,
    )


def _month_row(month: MonthOfYear) -> list[str]:
    return [
        month_name(month.settlement_month),
        duration(month.watch_ms),
        few(month.paying_subscribers),
        *(plain_amount(cents) for cents in _amounts(month)),
    ]


def _total_row(months: tuple[MonthOfYear, ...]) -> list[str]:
    return [
        duration(sum(month.watch_ms for month in months)),
        _subscriber_months(months),
        *(plain_amount(sum(column)) for column in zip(*map(_amounts, months), strict=True)),
    ]


def _amounts(month: MonthOfYear) -> tuple[int, ...]:
    return (
        month.direct_cents,
        month.pool_cents,
        month.earned_cents,
        month.adjustment_cents,
        month.ordered_cents,
    )


def _subscriber_months(months: tuple[MonthOfYear, ...]) -> str:
    # A total that includes the months below 5 would reveal them by subtraction.
    shown = [month.paying_subscribers for month in months if month.paying_subscribers >= FEWEST_SHOWN]
    if not shown:
        return "n. c."
    return count(sum(shown)) if len(shown) == len(months) else f"{count(sum(shown))} ou plus"
