"""Entries of landing that are not taken: listed with their reason, or only counted if their name keeps them out.

All odd entries are counted, even a million; only the first ones are listed.
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
    """True if it should have been taken: it might contain records that are not counted anywhere."""


@dataclass
class NotTaken:
    """Odd entries, and the number of entries that their name keeps out, by folder."""

    named: list[OddEntry] = field(default_factory=list)
    """Entries that might contain records first, then by name."""
    unnamed: int = 0
    """The number of odd entries that are not listed."""
    kept_out: dict[str, int] = field(default_factory=dict)
    """The number of entries (files and folders) that are being delivered or were put aside, by parent folder."""

    @property
    def count(self) -> int:
        """The number of odd entries, without those that their name keeps out."""
        return len(self.named) + self.unnamed

    @property
    def unread(self) -> tuple[OddEntry, ...]:
        """The entries that should have been taken."""
        return tuple(entry for entry in self.named if entry.is_unread)

    def add(self, entry: OddEntry) -> None:
        """Add an odd entry."""
        self.named.append(entry)
        if len(self.named) > 2 * _NAMED_OF_A_FOLDER:
            self._bound(_NAMED_OF_A_FOLDER)

    def keep_out(self, folder: str, entries: int = 1) -> None:
        """Count entries of a folder that their name keeps out."""
        self.kept_out[folder] = self.kept_out.get(folder, 0) + entries

    def add_all(self, others: Iterable[Self]) -> None:
        """Add what was found elsewhere."""
        for other in others:
            self.named += other.named
            self.unnamed += other.unnamed
            for folder, entries in other.kept_out.items():
                self.keep_out(folder, entries)
        self._bound(len(self.named))

    def bounded(self) -> Self:
        """Return itself, sorted and with as many listed entries as one folder can have."""
        self._bound(_NAMED_OF_A_FOLDER)
        return self

    def as_stored(self) -> dict[str, Any] | None:
        """The form that is stored as JSON; None if there is nothing to report."""
        if not (self.named or self.kept_out):
            return None
        return {"named": [list(entry) for entry in self.named], "unnamed": self.unnamed, "kept_out": self.kept_out}

    @classmethod
    def of_stored(cls, stored: dict[str, Any]) -> Self:
        """Read back the output of `as_stored`."""
        return cls([OddEntry(*entry) for entry in stored["named"]], stored["unnamed"], stored["kept_out"])

    def _bound(self, most: int) -> None:
        self.named.sort(key=lambda entry: (not entry.is_unread, entry.name))
        self.unnamed += max(0, len(self.named) - most)
        del self.named[most:]
