"""The content of one landed file of a small record type: records, and broken lines among them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Record = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """A record that must be rejected, and the reason that the contract gives for it."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One file to land. The suffix of its path (relative to landing) determines the format."""

    path: str
    records: tuple[Record, ...]
    broken: tuple[BrokenRecord, ...] = field(default=())

    def lines(self) -> Iterable[Record]:
        """Yield the records as they land, the broken ones in the middle."""
        middle = len(self.records) // 2
        yield from self.records[:middle]
        yield from (broken.record for broken in self.broken)
        yield from self.records[middle:]
