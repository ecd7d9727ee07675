"""The report that a load returns."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Verdict = Literal["promoted", "partly held", "held"]


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome: what was found, what was expected, and where to look."""

    name: str
    passed: bool
    severity: Severity
    found: str
    expected: str
    detail: str = ""
    files: tuple[str, ...] = ()
    """The landed files that failed, if the check names them. If a critical check names none, all files failed."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "CheckResult":
        """Read back the stored form, also that of earlier code, which named no files."""
        return cls(**{**stored, "files": tuple(stored.get("files", ()))})


@dataclass(frozen=True)
class RejectedLines:
    """The records of one landed file that were rejected for one reason."""

    file: str
    reason: str
    records: int
    first_line: int


@dataclass(frozen=True)
class BatchReport:
    """The outcome for the new files of one record type that one run found."""

    batch_id: str
    batch_number: int
    record_type: str
    files: int
    records: int
    rejects: int
    bytes: int
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Files that were set aside, with the reason."""
    already_loaded: int
    """Files whose content was already known, or occurred twice in this batch."""
    held_files: tuple[str, ...] = ()
    """The files that wait for a decision; the others were promoted."""
    held_records: int = 0
    """The part of `records` that is in held files; `held_rejects` likewise for `rejects`."""
    held_rejects: int = 0
    rejected: tuple[RejectedLines, ...] = ()
    """The rejects of the promoted files: the most frequent kinds, by file and reason."""
    rejected_kinds: int = 0
    """The number of all kinds, including those that `rejected` leaves out."""

    def as_dict(self) -> dict[str, Any]:
        """The form that is stored as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "BatchReport":
        """Read back the output of `as_dict`."""
        return cls(
            **{
                **stored,
                "checks": tuple(CheckResult.from_dict(check) for check in stored["checks"]),
                "unreadable": tuple((file, reason) for file, reason in stored["unreadable"]),
                "held_files": tuple(stored.get("held_files", ())),
                "rejected": tuple(RejectedLines(**kind) for kind in stored.get("rejected", ())),
            }
        )
