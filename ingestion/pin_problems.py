"""The problems that the raw layer's pins can have, in words that an operator can act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RESTORE_RAW: Final = "Restore raw/ as a whole from one backup (tables, pins.json, versions.sqlite, _staging/)."
REPAIR: Final = "Rebuild it from the tables' logs: `allive doctor --repair`."


class Trouble(StrEnum):
    """The kinds of problems. The kind decides what can be done."""

    LOST = "lost"
    """There are tables but no pins."""
    BROKEN = "broken"
    """The pins cannot be read."""
    STALE = "stale"
    """The pins are older than the logs: readers miss loaded records, and batch numbers would be used twice."""
    AHEAD = "ahead"
    """The pins are newer than the logs: loaded records are gone."""
    DAMAGED = "damaged"
    """A log, a register or a file is missing, truncated or changed."""


@dataclass(frozen=True)
class PinProblem:
    """One problem with the pins or the raw tables.

    Attributes:
        where: The file or folder, relative to the data home.
    """

    trouble: Trouble
    where: str
    found: str
    expected: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, expected {self.expected}. {self.advice}"


class PinsError(Exception):
    """The pins do not match the raw tables: nothing can be loaded, built or closed with them."""

    def __init__(self, problems: Iterable[PinProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return " · ".join(map(str, self.problems))

    @property
    def is_lost_only(self) -> bool:
        """True if there are no readable pins, and nothing else is known to be wrong."""
        return all(problem.trouble in {Trouble.LOST, Trouble.BROKEN} for problem in self.problems)
