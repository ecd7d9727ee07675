"""The register of payments, `payouts/payments.ndjson`: append-only, chained like the audit log, beside the months."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from allive.ingestion.settings import Settings
from allive.payouts import chained_log
from allive.payouts.formats import PAYMENTS_FILE, PAYMENTS_FORMAT, require_known_lines
from allive.payouts.payments.facts import BankFileRead, Event, Fact, Line, OrderFile, content_of


class RegisterError(RuntimeError):
    """A line of the register is not as this project writes it. Nothing may be paid before that is understood."""


@dataclass(frozen=True)
class Register:
    """The lines of the register when it was read, by id, in order."""

    lines: dict[str, Line]

    @property
    def head(self) -> str:
        """The id of the last line."""
        return next(reversed(self.lines), chained_log.NO_LINE)

    def facts(self) -> Iterator[tuple[str, Fact, Line]]:
        """Yield each fact with its id and its line, in order."""
        for line_id, line in self.lines.items():
            for place, fact in enumerate(line.facts):
                yield f"{line_id}:{place}", fact, line


def register_path(settings: Settings) -> Path:
    """Return the path of the register."""
    return settings.payouts_dir / PAYMENTS_FILE


def read_register(settings: Settings) -> Register:
    """Read the register; a torn last line was never acknowledged, and is left out.

    Raises:
        FormatError: Some lines are newer than the code.
        RegisterError: A line cannot be read, was changed, or does not follow the one before it.
    """
    require_known_lines(settings)
    lines: dict[str, Line] = {}
    previous = chained_log.NO_LINE
    for number, (line_id, content) in enumerate(chained_log.lines(register_path(settings)), start=1):
        try:
            lines[line_id] = line = Line.model_validate_json(content)
            if line.previous != previous or not chained_log.is_sealed(content):
                raise ValueError("it was changed, or the line before it was")  # noqa: TRY301 - one message for both
            previous = line_id
        except ValueError as error:
            raise RegisterError(
                f"Line {number} of {register_path(settings)} cannot be read ({' '.join(str(error).split())}). "
                "Restore the file from a backup; `allive verify` shows where the chain breaks."
            ) from error
    return Register(lines)


def append(
    settings: Settings,
    facts: Sequence[Fact],
    *,
    event: Event,
    operator: str,
    why: str,
    expected_head: str,
    order: OrderFile | None = None,
    source: BankFileRead | None = None,
) -> str:
    """Append a line, durably, and return its id.

    Raises:
        ChangedMeanwhileError: The register got another line since its head was `expected_head`.
    """
    line_id, _ = chained_log.append(
        register_path(settings),
        {
            "operator": operator,
            "event": event,
            "why": why,
            **({"order": content_of(order)} if order else {}),
            **({"source": content_of(source)} if source else {}),
            "facts": [content_of(fact) for fact in facts],
        },
        format_number=PAYMENTS_FORMAT,
        expected_head=expected_head,
    )
    return line_id
