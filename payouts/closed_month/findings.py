"""The results of a verification: verdicts by month, findings that name a file, and parts that could not be checked.

Failed: something is wrong. Not provable: nothing wrong was found, but not everything could be checked. Proven:
everything was checked, and holds (docs/adr/0021-formats-and-verdicts.md).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from allive.payouts.months import is_month

Progress = Callable[[str], None]
"""Called with a text about the current check."""

_MOST_PER_FILE: Final = 20
_LONGEST_SHOWN: Final = 300
_RESTORE: Final = "Restore it from a backup of payouts/, and pay and send nothing of the month before."
_RESTORE_OR_REPORT: Final = (
    "Restore the month from a backup of payouts/. If it was closed like this, the program is wrong: pay and send "
    "nothing of the month, and report it."
)
_RESTORE_POLICY: Final = (
    "Pay and send nothing of the month. If a row of policies.csv was changed, restore it: a new policy is a new row. "
    "Else the run closed under a policy that the project never stated: find out who changed the warehouse; report it."
)


EVERYTHING: Final = "all of it"
"""The unchecked part of a month that cannot be read although it is not damaged."""


class Verdict(Enum):
    """The outcome of a verification, with its exit code (INTERFACES.md, "Commands")."""

    PROVEN = "proven", 0
    FAILED = "failed", 1
    NOT_PROVABLE = "not provable", 3

    def __init__(self, title: str, exit_code: int) -> None:
        self.title = title
        self.exit_code = exit_code


class Check(Enum):
    """A kind of comparison, with the advice for the operator if it fails."""

    FILES = "Files and their SHA-256", _RESTORE
    CHAIN = "Chain of run hashes", "A run was exchanged or removed: restore payouts/ as a whole from a backup."
    AUDIT = (
        "Audit log",
        "The log or the month was changed or cut: restore both from one backup, and find out who wrote to payouts/.",
    )
    KEY = (
        "Key of the pseudonyms",
        (
            "Restore payouts/.pseudonym.key from a backup, or set ALLIVE_PSEUDONYM_KEY as it was, and close nothing "
            "before: a run would not recognise booked periods, and pay them again."
        ),
    )
    PERIODS = "Slices of each period", _RESTORE_OR_REPORT
    AMOUNTS = "Amounts from the slices", _RESTORE_OR_REPORT
    POLICY = "Policies of the project's history", _RESTORE_POLICY
    ADJUSTMENTS = "Adjustments from the slices settled again", _RESTORE_OR_REPORT
    BALANCES = "Balances, paid and carried", _RESTORE_OR_REPORT
    STATEMENTS = "Statements read back", "Send none of them. " + _RESTORE
    BANK_FILE = "Bank file read back", "Give it to no bank. " + _RESTORE
    PAYMENTS = (
        "Register of payments",
        "Order nothing. The register was changed or cut: restore payouts/ as a whole from a backup.",
    )
    WATCHING = (
        "Weights from the heartbeats",
        "The month or the raw tables that it pins were changed after the close: restore both from one backup.",
    )

    def __init__(self, title: str, advice: str) -> None:
        self.title = title
        self.advice = advice


@dataclass(frozen=True)
class Finding:
    """One comparison that failed.

    Attributes:
        file: Path relative to `payouts/`.
        what: The line, artist or field, as exactly as known.
    """

    check: Check
    file: str
    what: str
    found: str
    expected: str

    @property
    def month(self) -> str | None:
        """The closed month; None for the audit log or all months."""
        folder = self.file.partition("/")[0]
        return folder if is_month(folder) else None

    @property
    def advice(self) -> str:
        """The advice for the operator."""
        return self.check.advice

    def __str__(self) -> str:
        return f"{self.file}, {self.what}: found {self.found}, expected {self.expected}. {self.advice}"


@dataclass(frozen=True)
class CheckCount:
    """How many comparisons a check made, and how many of them failed."""

    check: Check
    compared: int
    failed: int


@dataclass(frozen=True)
class Unchecked:
    """A part of a month (or of the audit log, by its file's name) that could not be checked, and why. Not a finding."""

    month: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"not checked: {self.what}: {self.why}"


@dataclass(frozen=True)
class MonthVerdict:
    """The verdict on one month, and why it is not proven.

    Attributes:
        month: The month; or the path relative to `payouts/` of a file that belongs to no month, such as the audit log.
    """

    month: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verification:
    """The outcome of a verification.

    Attributes:
        months: The months that were verified.
        unchecked: The parts that could not be checked, for lack of something to compare them with.
        last_run_hash: Run hash of the newest month; None if it has no readable manifest.
        run_hashes: Run hash of every closed month that has a readable manifest.
        audit_head: SHA-256 of the audit log's last line. Noted outside the data home, it anchors all lines before it.
        payments_head: SHA-256 of the last line of the register of payments.
    """

    months: tuple[str, ...]
    findings: tuple[Finding, ...]
    counts: tuple[CheckCount, ...]
    unchecked: tuple[Unchecked, ...]
    last_run_hash: str | None
    audit_head: str
    payments_head: str = ""
    run_hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Failed if anything is wrong, proven if everything was checked and holds."""
        found = {one.verdict for one in self.verdicts}
        if Verdict.FAILED in found:
            return Verdict.FAILED
        return Verdict.NOT_PROVABLE if Verdict.NOT_PROVABLE in found else Verdict.PROVEN

    @property
    def verdicts(self) -> tuple[MonthVerdict, ...]:
        """The verdict on each month that was verified or has a finding, then on files that belong to no month.

        If the audit log, or another file that links months, is wrong, no month is proven.
        """
        months = {*self.months, *(one.month for one in self.findings if one.month is not None)}
        others = {one.file for one in self.findings if one.month is None}
        others |= {one.month for one in self.unchecked if not is_month(one.month)}
        of_others = tuple(self._of_file(file) for file in sorted(others))
        wrong = [one.month for one in of_others if one.verdict is Verdict.FAILED]
        return (*(self._of_month(month, wrong) for month in sorted(months)), *of_others)

    def _of_month(self, month: str, wrong_elsewhere: list[str]) -> MonthVerdict:
        failed = _titles([one.check for one in self.findings if one.month == month])
        reasons = [str(one) for one in self.unchecked if one.month == month]
        if failed:
            return MonthVerdict(month, Verdict.FAILED, (*failed, *reasons))
        reasons += [f"not proven by {file}, which is wrong" for file in wrong_elsewhere]
        return MonthVerdict(month, Verdict.NOT_PROVABLE if reasons else Verdict.PROVEN, tuple(reasons))

    def _of_file(self, file: str) -> MonthVerdict:
        failed = _titles([one.check for one in self.findings if one.file == file])
        reasons = tuple(str(one) for one in self.unchecked if one.month == file)
        return MonthVerdict(file, Verdict.FAILED if failed else Verdict.NOT_PROVABLE, (*failed, *reasons))


@dataclass
class Report:
    """Collects the findings of the checks; of a file with many findings, only the first ones are listed."""

    progress: Progress = lambda _: None
    unchecked: list[Unchecked] = field(default_factory=list)
    _findings: list[Finding] = field(default_factory=list)
    _compared: Counter[Check] = field(default_factory=Counter)
    _failed: Counter[Check] = field(default_factory=Counter)
    _per_file: Counter[tuple[Check, str]] = field(default_factory=Counter)

    def at(self, check: Check, file: str) -> "Place":
        """Return the place to note comparisons of one check on one file (relative to `payouts/`)."""
        return Place(self, check, file)

    def not_checked(self, month: str, what: str, why: str) -> None:
        """Note that something could not be checked."""
        self.unchecked.append(Unchecked(month, what, why))

    def is_unread(self, month: str) -> bool:
        """Whether a month could not be read for a reason other than damage."""
        return any(one.month == month and one.what == EVERYTHING for one in self.unchecked)

    def note(self, finding: Finding | None, *, of: Check) -> None:
        """Count a comparison, and keep its finding."""
        self._compared[of] += 1
        if finding is None:
            return
        self._failed[of] += 1
        self._per_file[of, finding.file] += 1
        if self._per_file[of, finding.file] <= _MOST_PER_FILE:
            self._findings.append(finding)

    def counts(self) -> tuple[CheckCount, ...]:
        """Return the comparisons made so far, by check."""
        return tuple(CheckCount(check, self._compared[check], self._failed[check]) for check in Check)

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings; each file's further findings are summed up in one."""
        more = [
            Finding(check, file, "further lines", f"{number - _MOST_PER_FILE} more findings", "none")
            for (check, file), number in self._per_file.items()
            if number > _MOST_PER_FILE
        ]
        return (*self._findings, *more)


@dataclass(frozen=True)
class Place:
    """One file under one check."""

    report: Report
    check: Check
    file: str

    def same(self, what: str, *, found: object, expected: object) -> bool:
        """Note whether `found` equals `expected`, and return the answer."""
        is_so = found == expected
        # Most comparisons hold, and there are millions: only findings are put into words.
        return self.holds(what, is_so, found=found, expected="" if is_so else _shown(expected))

    def holds(self, what: str, is_so: bool, *, found: object, expected: str) -> bool:  # noqa: FBT001 - it is the question
        """Note whether a condition holds, with the expectation in words, and return the answer."""
        finding = None if is_so else Finding(self.check, self.file, what, _shown(found), expected)
        self.report.note(finding, of=self.check)
        return is_so

    @contextmanager
    def reading(self, what: str = "content") -> Iterator[None]:
        """Turn any error from reading a damaged file into a finding: such a file can break its reader anywhere.

        A file that this user has no permission to read is not damaged; it is noted as not checked.
        """
        finding = None
        try:
            yield
        except PermissionError as error:
            folder = self.file.partition("/")[0]
            subject = folder if is_month(folder) else self.file
            self.report.not_checked(subject, f"{self.file}, {what}", f"{error.strerror} for this user")
            return
        except Exception as error:  # noqa: BLE001 - the boundary between damaged files and the report
            found = f"{type(error).__name__}: {' '.join(str(error).split())}"
            finding = Finding(self.check, self.file, what, _shown(found), "a file as `allive payout` writes it")
        self.report.note(finding, of=self.check)


def _titles(failed: list[Check]) -> tuple[str, ...]:
    return tuple(f"{check.title}: failed" for check in dict.fromkeys(failed))


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else repr(value)
    return (text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…") or "nothing"
