"""Entries of landing that are not taken: named with their reason, or counted where their name keeps them out.

A million odd entries are counted; the first ones are named.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

_NAMED_OF_A_FOLDER: Final = 100


class OddEntry(NamedTuple):
    """An entry of landing that is not taken."""

    name: str
    reason: str
    is_unread: bool = False
    """Whether it should have been taken, so that records may be in it which nobody has counted."""


@dataclass
class NotTaken:
    """Odd entries, and the number of those that their name keeps out, by folder."""

    named: list[OddEntry] = field(default_factory=list)
    """The ones that may hold records first, then by name."""
    unnamed: int = 0
    """How many more there are."""
    kept_out: dict[str, int] = field(default_factory=dict)
    """Entries (files and folders) that are being delivered or were put aside, by the folder they lie in."""

    @property
    def count(self) -> int:
        """All odd entries, those that their name keeps out not counted."""
        return len(self.named) + self.unnamed

    @property
    def unread(self) -> tuple[OddEntry, ...]:
        """The entries that should have been taken."""
        return tuple(entry for entry in self.named if entry.is_unread)

    def add(self, entry: OddEntry) -> None:
        """Note an odd entry."""
        self.named.append(entry)
        if len(self.named) > 2 * _NAMED_OF_A_FOLDER:
            self._bound(_NAMED_OF_A_FOLDER)

    def keep_out(self, folder: str, entries: int = 1) -> None:
        """Count entries of a folder that their name keeps out."""
        self.kept_out[folder] = self.kept_out.get(folder, 0) + entries

    def add_all(self, others: Iterable[Self]) -> None:
        """Take in what was found elsewhere."""
        for other in others:
            self.named += other.named
            self.unnamed += other.unnamed
            for folder, entries in other.kept_out.items():
                self.keep_out(folder, entries)
        self._bound(len(self.named))

    def bounded(self) -> Self:
        """Return itself in order, with as many names as one folder may have."""
        self._bound(_NAMED_OF_A_FOLDER)
        return self

    def as_stored(self) -> dict[str, Any] | None:
        """As JSON holds it; None where there is nothing to say."""
        if not (self.named or self.kept_out):
            return None
        return {"named": [list(entry) for entry in self.named], "unnamed": self.unnamed, "kept_out": self.kept_out}

    @classmethod
    def of_stored(cls, stored: dict[str, Any]) -> Self:
        """Read back what `as_stored` gave."""
        return cls([OddEntry(*entry) for entry in stored["named"]], stored["unnamed"], stored["kept_out"])

    def _bound(self, most: int) -> None:
        self.named.sort(key=lambda entry: (not entry.is_unread, entry.name))
        self.unnamed += max(0, len(self.named) - most)
        del self.named[most:]
