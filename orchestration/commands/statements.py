"""`allive statements`: writes the yearly statements of closed months to a folder."""

from pathlib import Path

from allive.ingestion.counted import counted
from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import refuse, say, showing_progress
from allive.payouts import audit, ledger
from allive.payouts.accounts import artist_years
from allive.payouts.accounts.from_payouts import facts_of, unconfirmed_cents
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.statements import PaymentsOfYear, write_yearly_statements


def write_year(settings: Settings, year: int, *, target: Path | None) -> bool:
    """Write one PDF per artist for a year's closed months. Return whether the year has any."""
    months = [month for month in ledger.closed_months(settings) if month.startswith(f"{year:04}-")]
    if not months:
        refuse(f"There are no statements for {year}.", ["No month of that year is closed."])
        return False
    folder = target or settings.home / "exports" / f"statements-{year}"
    with hold_data_home(settings, command=f"allive statements --year {year}"), showing_progress():
        progress.tell(f"writing the statements of {year}")
        finish_interrupted_closings(settings)
        written = write_yearly_statements(
            [ledger.month_dir(settings, month) for month in months],
            year=year,
            target=folder,
            contact=settings.statement_contact,
            payments=_payments_of(settings, year),
            progress=lambda done, total: progress.tell(f"writing the statements of {year}", f"{done} of {total}"),
        )
        audit.record(
            settings,
            action="export",
            operator=audit.operator_name(settings),
            what=f"yearly statements of {year}",
            documents=written,
            run_hash=ledger.read_manifest(settings, months[-1]).run_hash,
        )
    say(f"Wrote {counted(written, 'statement')} of {year} ({months[0]} to {months[-1]}) to {folder}")
    return True


def _payments_of(settings: Settings, year: int) -> dict[str, PaymentsOfYear]:
    """Return what became of each artist's payments in a year, from the register."""
    waiting = unconfirmed_cents(settings, year)
    rows = {row.artist_id: row for row in artist_years(facts_of(settings), year)}
    return {
        artist_id: PaymentsOfYear(
            ordered_cents=row.ordered_cents,
            cancelled_cents=row.cancelled_cents,
            executed_cents=row.executed_cents,
            returned_cents=row.returned_cents,
            otherwise_cents=row.otherwise_cents,
            unconfirmed_cents=waiting.get(artist_id, 0),
        )
        for artist_id, row in rows.items()
    }
