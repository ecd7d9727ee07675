"""`allive accounts`: the entries of the books for a month or a year, and each artist's year."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from allive.ingestion.counted import counted
from allive.ingestion.durable import write_bytes
from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import Amount, refuse, say, showing_progress, table, warn
from allive.payouts import audit, ledger, months
from allive.payouts.accounts import (
    ArtistYear,
    Batch,
    DatedCharts,
    Entry,
    Fact,
    FecError,
    artist_years,
    entries_of,
    fec_content,
    fec_name,
    withheld_by_quarter,
    years_csv,
)
from allive.payouts.accounts.from_payouts import charts_of, facts_of, identities_of, names_of
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.shown_cents import euros

_AMOUNTS = (
    "brought_forward_cents",
    "earned_cents",
    "adjusted_cents",
    "vat_cents",
    "withheld_cents",
    "written_off_cents",
    "ordered_cents",
    "cancelled_cents",
    "executed_cents",
    "returned_cents",
    "otherwise_cents",
    "paid_cents",
    "carried_cents",
)


@dataclass(frozen=True)
class _Books:
    """Everything booked so far. `not_known` says why the refunds borne by a run cannot be computed, by run."""

    facts: tuple[Fact, ...]
    entries: tuple[Entry, ...]
    charts: DatedCharts
    names: Mapping[str, str]
    refunds: Mapping[str, int]
    not_known: Mapping[str, str]

    def of_year(self, year: int) -> list[Entry]:
        """Return the entries of a year, in their order."""
        return [entry for entry in self.entries if entry.date.year == year]


def write_month(settings: Settings, month: str, *, target: Path | None) -> bool:
    """Write the accounting file of a closed month. Return whether it is closed, and its entries can be written."""
    if month not in ledger.closed_months(settings):
        refuse(f"There are no books of {month}.", ["It is not closed."])
        return False
    command = f"allive accounts --month {month}"
    try:
        with hold_data_home(settings, command=command), showing_progress():
            books = _books(settings, [month])
            of_year = books.of_year(int(month[:4]))
            entries = [entry for entry in of_year if f"{entry.date:%Y-%m}" == month]
            earlier = [entry for entry in of_year if f"{entry.date:%Y-%m}" < month]
            folder = target or settings.home / "exports" / f"accounts-{month}"
            path = _write_fec(
                settings, folder, entries, closing_on=months.last_day(month), first_number=len(earlier) + 1
            )
            _record(settings, what=f"accounts of {month}", documents=1)
    except (FecError, ValueError) as error:
        refuse("Nothing was written.", [str(error)])
        return False
    _show_accounts(f"Entries of {month}, by account", entries)
    _show_refunds(books, [month])
    _say_written(settings, path, entries)
    return True


def write_year(settings: Settings, year: int, *, target: Path | None) -> bool:
    """Write a year's accounting file and a row for each artist. Return whether anything is booked in the year.

    A year without a closed month has books too, if payments of earlier months were executed in it.
    """
    closed = [month for month in ledger.closed_months(settings) if month.startswith(f"{year:04}-")]
    command = f"allive accounts --year {year}"
    try:
        with hold_data_home(settings, command=command), showing_progress():
            books = _books(settings, closed)
            entries = books.of_year(year)
            if not closed and not entries:
                refuse(f"There are no books of {year}.", ["No month of that year is closed, and no payment was made."])
                return False
            folder = target or settings.home / "exports" / f"accounts-{year}"
            path = _write_fec(settings, folder, entries, closing_on=date(year, 12, 31), first_number=1)
            years = artist_years(books.facts, year, charts=books.charts, names=books.names)
            identities = {
                artist_id: asdict(one) for artist_id, one in identities_of(settings, until=f"{year:04}-12").items()
            }
            artists = folder / f"artists-{year}.csv"
            write_bytes(artists, years_csv(years, identities).encode())
            _record(settings, what=f"accounts of {year}", documents=2)
    except (FecError, ValueError) as error:
        refuse("Nothing was written.", [str(error)])
        return False
    _show_accounts(f"Entries of {year}, by account", entries)
    _show_artists(year, years)
    _show_withheld(books, year)
    if closed:
        _show_refunds(books, closed)
    if len(closed) < 12:  # noqa: PLR2004 - months of a year
        say(
            f"The year has {counted(len(closed), 'closed month', 'closed months')} so far, up to {closed[-1]}."
            if closed
            else "No month of the year is closed so far."
        )
    _say_written(settings, path, entries)
    say(f"Artists: {artists} ({counted(len(years), 'artist', 'artists')}).")
    return True


def _books(settings: Settings, runs: Sequence[str]) -> _Books:
    """Read everything booked so far, with the refunds that some runs bear."""
    # It imports Polars, which nothing else here needs.
    from allive.payouts.verification.final_refunds import (  # noqa: PLC0415
        DamagedError,
        GoneError,
        refunds_of_final_months,
    )

    finish_interrupted_closings(settings)
    refunds, not_known = {}, {}
    for month in runs:
        progress.tell("refunds of final months", month)
        try:
            refunds[month] = refunds_of_final_months(settings, month)
        except (GoneError, DamagedError) as error:
            not_known[month] = str(error)
    charts, names = charts_of(settings), names_of(settings)
    facts = facts_of(settings, refunds_borne=refunds)
    return _Books(facts, entries_of(facts, charts=charts, names=names), charts, names, refunds, not_known)


def _write_fec(
    settings: Settings, folder: Path, entries: Sequence[Entry], *, closing_on: date, first_number: int
) -> Path:
    """Write the file, and return its path. Without a SIREN its name lacks it, and has to be completed by hand."""
    validated_on = max([datetime.now(PARIS).date(), *(entry.date for entry in entries)])
    content = fec_content([Batch(validated_on, entries)], first_number=first_number)
    name = fec_name(settings.payer_siren, closing_on) if settings.payer_siren else f"FEC{closing_on:%Y%m%d}.txt"
    write_bytes(folder / name, content)
    return folder / name


def _record(settings: Settings, *, what: str, documents: int) -> None:
    audit.record(
        settings,
        action="export",
        operator=audit.operator_name(settings),
        what=what,
        documents=documents,
        run_hash=ledger.last_run_hash(settings),
    )


def _show_accounts(title: str, entries: Sequence[Entry]) -> None:
    debits: defaultdict[tuple[str, str], int] = defaultdict(int)
    credits_: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in (posting for entry in entries for posting in entry.postings):
        account = posting.account.number, posting.account.label
        debits[account] += posting.debit_cents
        credits_[account] += posting.credit_cents
    table(
        title,
        ("account", "label", "debit", "credit"),
        [(*account, Amount(debits[account]), Amount(credits_[account])) for account in sorted(debits)],
        total=("total", None, Amount(sum(debits.values())), Amount(sum(credits_.values()))),
    )


def _show_artists(year: int, years: Sequence[ArtistYear]) -> None:
    table(
        f"Artists in {year}, all together",
        ("", "amount"),
        [
            (name.removesuffix("_cents").replace("_", " "), Amount(sum(getattr(one, name) for one in years)))
            for name in _AMOUNTS
        ],
    )


def _show_withheld(books: _Books, year: int) -> None:
    owed = [one for one in withheld_by_quarter(books.facts, charts=books.charts) if one.quarter[:4] == f"{year:04}"]
    if not owed:
        say(f"Nothing was withheld in {year}.")
        return
    table(
        f"Withheld in {year}, and owed",
        ("quarter", "withholding", "owed to", "account", "amount"),
        [(one.quarter, one.name, one.owed_to, one.account.number, Amount(one.cents)) for one in owed],
        total=("total", None, None, None, Amount(sum(one.cents for one in owed))),
    )


def _show_refunds(books: _Books, runs: Sequence[str]) -> None:
    """Show the refunds of final months, also if there are none: artists keep them, so nothing else would."""
    if books.refunds and len(runs) > 1:
        table(
            "Refunds of final months borne by Allive",
            ("run", "amount"),
            [(month, Amount(books.refunds[month])) for month in runs if month in books.refunds],
            total=("total", Amount(sum(books.refunds.values()))),
        )
    for month in runs:
        if month in books.refunds and len(runs) == 1:
            say(f"Refunds of final months borne by Allive: {euros(books.refunds[month])}.")
    if books.not_known:
        warn(
            "Refunds of final months borne by Allive are not known: the records are not here.",
            [f"{month}: {why}" for month, why in books.not_known.items()],
        )


def _say_written(settings: Settings, path: Path, entries: Sequence[Entry]) -> None:
    say(f"Accounting file (FEC): {path} ({counted(len(entries), 'entry', 'entries')}).")
    if settings.payer_siren is None:
        say("ALLIVE_PAYER_SIREN is not set: the name of the file lacks the company's SIREN.")
