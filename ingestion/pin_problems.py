"""What can be wrong with the raw layer's pins, in words an operator can act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RESTORE_RAW: Final = "Restore raw/ as a whole from one backup (tables, pins.json, versions.sqlite, _staging/)."
REPAIR: Final = "Rebuild it from the tables' logs: `allive doctor --repair`."


class Trouble(StrEnum):
    """The kinds of problems: what is possible after one depends on its kind."""

    LOST = "lost"
    """There are no pins, and there are tables."""
    BROKEN = "broken"
    """The pins cannot be read."""
    STALE = "stale"
    """The pins are older than the logs: records that were loaded are not seen, and batch numbers would come twice."""
    AHEAD = "ahead"
    """The pins are newer than the logs: records that were loaded are gone."""
    DAMAGED = "damaged"
    """A log, a register or a file is missing, cut or changed."""


@dataclass(frozen=True)
class PinProblem:
    """One thing that is not as it must be.

    Attributes:
        where: The file or folder, below the data home.
    """

    trouble: Trouble
    where: str
    found: str
    expected: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}. {self.advice}"


class PinsError(Exception):
    """The pins do not fit the raw tables: nothing may be loaded, built or closed on them."""

    def __init__(self, problems: Iterable[PinProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return " · ".join(map(str, self.problems))

    @property
    def is_lost_only(self) -> bool:
        """Whether there are no readable pins, and nothing else is known to be wrong."""
        return all(problem.trouble in {Trouble.LOST, Trouble.BROKEN} for problem in self.problems)
