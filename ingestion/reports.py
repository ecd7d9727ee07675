"""What a load tells those who started it."""

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
    """The landed files that failed, where the check tells; a critical check that names none condemns them all."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "CheckResult":
        """Read back what JSON holds, also of earlier code, which named no files."""
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
    """What became of the new files of one record type that one run found."""

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
    """Files set aside whole, with the reason."""
    already_loaded: int
    """Files whose content was known, or came twice in this batch."""
    held_files: tuple[str, ...] = ()
    """Those of the files that wait for a decision; the others were promoted."""
    held_records: int = 0
    """Of `records`, those in held files; `held_rejects` likewise of `rejects`."""
    held_rejects: int = 0
    rejected: tuple[RejectedLines, ...] = ()
    """What was rejected of the promoted files: the most frequent kinds, by file and reason."""
    rejected_kinds: int = 0
    """How many kinds there are, with those that `rejected` leaves out."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "BatchReport":
        """Read back what `as_dict` gave."""
        return cls(
            **{
                **stored,
                "checks": tuple(CheckResult.from_dict(check) for check in stored["checks"]),
                "unreadable": tuple((file, reason) for file, reason in stored["unreadable"]),
                "held_files": tuple(stored.get("held_files", ())),
                "rejected": tuple(RejectedLines(**kind) for kind in stored.get("rejected", ())),
            }
        )
