"""The state that closed months pass on to later ones: balances, and the amounts booked for each month so far."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.month_files import (
    AdjustmentRow,
    Control,
    PayoutRow,
    Policy,
    WithheldRow,
    read_json,
    read_rows,
)
from allive.payouts.ledger import ADJUSTMENTS_FILE, CONTROL_FILE, PAYOUTS_FILE, WITHHOLDINGS_FILE


@dataclass(frozen=True)
class Month:
    """A closed month's small files, as read."""

    folder: Path
    control: Control
    rows: list[PayoutRow]
    adjustments: list[AdjustmentRow]
    withheld: list[WithheldRow] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The settlement month."""
        return self.folder.name

    def file(self, name: str) -> str:
        """Return the path of one of its files, relative to `payouts/`."""
        return f"{self.name}/{name}"


@dataclass
class Books:
    """The state after the months so far.

    Attributes:
        balances: Balances carried forward by the last month, in cents by artist.
        booked: Cents by artist booked for each month, by its close and its adjustments.
        paid: Cents by artist that each month's run paid.
        withheld: Cents by artist withheld of them.
        catalogues: The run whose catalogue each month keeps.
        taken_up: Ids of the audit log's lines that a run took up, with the run.
        key_check: The check value of the key of the pseudonyms in the last month that states one.
    """

    balances: Counter[str] = field(default_factory=Counter)
    booked: dict[str, Counter[str]] = field(default_factory=dict)
    paid: dict[str, Counter[str]] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    raw_versions: dict[str, dict[str, int | None]] = field(default_factory=dict)
    withheld: dict[str, Counter[str]] = field(default_factory=dict)
    catalogues: dict[str, str] = field(default_factory=dict)
    taken_up: dict[str, str] = field(default_factory=dict)
    key_check: str | None = None

    def close(self, month: Month) -> None:
        """Add a month's run."""
        self.balances = Counter({row.artist_id: row.carried_forward_cents for row in month.rows})
        self.booked[month.name] = Counter({row.artist_id: row.earned_cents for row in month.rows})
        self.paid[month.name] = Counter({row.artist_id: row.paid_cents for row in month.rows})
        self.withheld[month.name] = Counter()
        for one in month.withheld:
            self.withheld[month.name][one.artist_id] += one.withheld_cents
        self.policies[month.name] = month.control.policy
        self.raw_versions[month.name] = month.control.raw_versions
        self.catalogues[month.name] = month.name
        self.key_check = month.control.pseudonym_key_check or self.key_check
        for line in month.adjustments:
            self.booked.setdefault(line.corrects_month, Counter())[line.artist_id] += line.adjustment_cents
        for again, settled in month.control.adjustments.items():
            self.catalogues[again] = settled.catalogue
        for entry in month.control.requests():
            self.taken_up.setdefault(entry, month.name)


def read_month(report: Report, folder: Path) -> Month | None:
    """Read a month's small files; return None, and report each file that cannot be read."""
    control = rows = adjustments = None
    with report.at(Check.AMOUNTS, f"{folder.name}/{CONTROL_FILE}").reading():
        control = read_json(folder / CONTROL_FILE, Control)
    with report.at(Check.AMOUNTS, f"{folder.name}/{PAYOUTS_FILE}").reading():
        rows = read_rows(folder / PAYOUTS_FILE, PayoutRow)
    with report.at(Check.ADJUSTMENTS, f"{folder.name}/{ADJUSTMENTS_FILE}").reading():
        adjustments = read_rows(folder / ADJUSTMENTS_FILE, AdjustmentRow)
    withheld: list[WithheldRow] | None = []
    if (folder / WITHHOLDINGS_FILE).exists():
        withheld = None
        with report.at(Check.AMOUNTS, f"{folder.name}/{WITHHOLDINGS_FILE}").reading():
            withheld = read_rows(folder / WITHHOLDINGS_FILE, WithheldRow)
    if control is None or rows is None or adjustments is None or withheld is None:
        return None
    return Month(folder, control, rows, adjustments, withheld)
