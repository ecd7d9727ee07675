"""The record of decisions on held files: who decided what, when and why. Append-only."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from allive.ingestion.durable import append_json_line, read_json_lines
from allive.ingestion.settings import Settings

_FILE = "decisions.ndjson"


@dataclass(frozen=True)
class Decision:
    """A decision on held files of a batch."""

    batch_id: str
    decision: Literal["release", "discard"]
    operator: str
    why: str
    decided_at: str
    """ISO 8601, UTC."""
    files: tuple[str, ...] = ()
    """The landed files that were decided on; empty for a whole batch, as earlier code decided."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "Decision":
        """Read back the stored form."""
        return cls(**{**stored, "files": tuple(stored.get("files", ()))})


def record_decision(settings: Settings, decision: Decision) -> None:
    """Append a decision. A file is decided on once, so to repeat it after a crash adds nothing."""
    if all((other.batch_id, other.files) != (decision.batch_id, decision.files) for other in read_decisions(settings)):
        append_json_line(settings.held_dir / _FILE, asdict(decision))


def read_decisions(settings: Settings) -> tuple[Decision, ...]:
    """Every decision so far, in order."""
    return tuple(Decision.from_dict(line) for line in read_json_lines(settings.held_dir / _FILE))
