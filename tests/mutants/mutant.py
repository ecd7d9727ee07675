"""A mutant: one rule broken by one small edit, and the test that must fail because of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class StaleMutantError(Exception):
    """The text to replace does not occur exactly once in its file: update the table to match the code."""


@dataclass(frozen=True)
class Mutant:
    """One entry of the table.

    Attributes:
        rule: The rule that the mutant breaks, with its source: a § of RULES.md, or a document.
        file: Path below the repository's root.
        before: Text that occurs exactly once in the file.
        after: Text that replaces it.
        killed_by: The name of a dbt unit test, or the pytest node of a test function.
    """

    name: str
    rule: str
    file: str
    before: str
    after: str
    killed_by: str

    @property
    def is_killed_by_dbt(self) -> bool:
        """Whether its test is a dbt unit test."""
        return "::" not in self.killed_by

    def mutate(self, text: str) -> str:
        """Return the file's text with the rule broken; raise StaleMutantError if `before` no longer fits it."""
        found = text.count(self.before)
        if found != 1 or self.before == self.after:
            raise StaleMutantError(
                f"{self.name}: found its text {found} times in {self.file}; expected it once, and a replacement "
                f"that differs from it. Update the entry in tests/mutants to match the code:\n{self.before}"
            )
        return text.replace(self.before, self.after)


@contextmanager
def applied(mutant: Mutant, root: Path) -> Iterator[None]:
    """Break the rule in the copy of the project below `root`, and restore it afterwards."""
    path = root / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.mutate(text), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
