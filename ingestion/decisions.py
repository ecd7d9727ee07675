"""The record of what people decided on held batches: who, when, why. Append-only."""

from dataclasses import asdict, dataclass
from typing import Literal

from ingestion.durable import append_json_line, read_json_lines
from ingestion.settings import Settings

_FILE = "decisions.ndjson"


@dataclass(frozen=True)
class Decision:
    """A decision on a held batch."""

    batch_id: str
    decision: Literal["release", "discard"]
    operator: str
    why: str
    decided_at: str
    """ISO 8601, UTC."""


def record_decision(settings: Settings, decision: Decision) -> None:
    """Append a decision; a batch has one, so repeating after a crash adds none."""
    if all(other.batch_id != decision.batch_id for other in read_decisions(settings)):
        append_json_line(settings.held_dir / _FILE, asdict(decision))


def read_decisions(settings: Settings) -> tuple[Decision, ...]:
    """Every decision so far, in order."""
    return tuple(Decision(**line) for line in read_json_lines(settings.held_dir / _FILE))
