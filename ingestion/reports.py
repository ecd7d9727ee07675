"""What a load tells those who started it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Verdict = Literal["promoted", "held"]


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome: what was found, what was expected, and where to look."""

    name: str
    passed: bool
    severity: Severity
    found: str
    expected: str
    detail: str = ""


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "BatchReport":
        """Read back what `as_dict` gave."""
        return cls(
            **{
                **stored,
                "checks": tuple(CheckResult(**check) for check in stored["checks"]),
                "unreadable": tuple((file, reason) for file, reason in stored["unreadable"]),
            }
        )
