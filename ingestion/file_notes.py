"""Oddities of a file that was read anyway: a warning names the file and what was found."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from allive.ingestion.reports import CheckResult

NoteKind = Literal["file_encoding", "column_names"]

_EXPECTED: Final[dict[NoteKind, str]] = {
    "file_encoding": "UTF-8 (or UTF-16 with its mark); look whether the accents are right",
    "column_names": "the names of the fields; what is under another name is not read",
}
_NAMED_AT_MOST: Final = 5
_LONGEST: Final = 1000


class FileNote(NamedTuple):
    """Something to check in one file."""

    kind: NoteKind
    file: str
    found: str


def check_notes(notes: Iterable[FileNote]) -> tuple[CheckResult, ...]:
    """Sum up the notes, with one warning per kind; empty if there are none."""
    by_kind: dict[NoteKind, list[str]] = {}
    for note in sorted(set(notes)):
        by_kind.setdefault(note.kind, []).append(f"{note.file}: {note.found}")
    return tuple(
        CheckResult(
            name=kind,
            passed=False,
            severity="warning",
            found="; ".join(found[:_NAMED_AT_MOST])[:_LONGEST]
            + (f"; and {more} more files" if (more := len(found) - _NAMED_AT_MOST) > 0 else ""),
            expected=_EXPECTED[kind],
        )
        for kind, found in by_kind.items()
    )


def near_miss_note(file: str, near: Iterable[tuple[str, str]]) -> FileNote:
    """Make a note of the columns or keys of a file that were probably meant to be fields."""
    return FileNote("column_names", file, ", ".join(f"{name!r} probably means {field}" for name, field in near))
