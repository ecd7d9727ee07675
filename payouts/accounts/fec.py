"""Writes entries as the file of accounting entries (FEC) of article A47 A-1 of the LPF.

One line per posting, 18 columns, tabs, ISO 8859-15. It also keeps to rules that an auditor relies on beyond the format:
numbers without gaps, one label per account, no validation before the entry (docs/accounts.md).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Final

from text_unidecode import unidecode  # type: ignore[import-untyped]

from allive.ingestion.durable import write_bytes
from allive.payouts.accounts.entries import Entry, Posting

ENCODING: Final = "iso8859-15"
COLUMNS: Final = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)
_NOT_IN_A_FIELD: Final = re.compile(r"[|\x00-\x1f\x7f-\x9f\xad]")
_SIREN: Final = re.compile(r"[0-9]{9}")


class FecError(ValueError):
    """Entries cannot be written as a FEC, or its name is wrong. Nothing was written."""


@dataclass(frozen=True)
class Batch:
    """Entries that were validated on one day. They are numbered in their order, after the batches before."""

    validated_on: date
    entries: Sequence[Entry]


def fec_name(siren: str, closing_on: date, *, part: int | None = None) -> str:
    """Return the file's name: SIREN, `FEC`, the day on which the period ends; `_1`, `_2` where it is divided.

    >>> fec_name("732829320", date(2026, 12, 31))
    '732829320FEC20261231.txt'

    Raises:
        FecError: The SIREN has not 9 digits, or its check digit is wrong.
    """
    if not _SIREN.fullmatch(siren) or not _has_right_check_digit(siren):
        raise FecError(f"Found the SIREN {siren!r}, expected the 9 digits of the company, with a right check digit.")
    return f"{siren}FEC{_day(closing_on)}{f'_{part}' if part else ''}.txt"


def fec_content(batches: Sequence[Batch], *, first_number: int = 1) -> bytes:
    """Return the file's content. The same batches give the same bytes.

    Args:
        batches: In the order of their validation.
        first_number: Number of the first entry, where the year's earlier entries are in another file.

    Raises:
        FecError: An entry was validated before its day, or batches are not in order; an account, an artist's account or
            a journal has two labels; or a text that must be there has no letter that the file can hold.
    """
    _refuse_validation(batches)
    _refuse_labels([entry for batch in batches for entry in batch.entries])
    lines = ["\t".join(COLUMNS), *("\t".join(line) for line in _lines(batches, first_number))]
    return "".join(f"{line}\r\n" for line in lines).encode(ENCODING)


def write_fec(
    folder: Path,
    batches: Sequence[Batch],
    *,
    siren: str,
    closing_on: date,
    first_number: int = 1,
    part: int | None = None,
) -> Path:
    """Write the file into a folder, atomically and durably, and return its path. An older one is replaced.

    Raises:
        FecError: As `fec_name` and `fec_content`, or an entry is dated after `closing_on`.
    """
    path = folder / fec_name(siren, closing_on, part=part)
    late = [entry for batch in batches for entry in batch.entries if entry.date > closing_on]
    if late:
        raise FecError(
            f"{path.name}: found the entry {late[0].label!r} of {late[0].date}, expected none after the end."
        )
    write_bytes(path, fec_content(batches, first_number=first_number))
    return path


def plain(text: str) -> str:
    r"""Return the text as the file can hold it: no tab, line break or `|`, only letters of ISO 8859-15.

    >>> plain("Dvořák|Œuvre\t🎸 n° 1")
    'Dvorák Œuvre n° 1'
    """
    composed = unicodedata.normalize("NFC", text)
    # After the letters, because unidecode makes `|` and line breaks out of some.
    return " ".join(_NOT_IN_A_FIELD.sub(" ", composed if _fits(composed) else _transliterated(composed)).split())


def _fits(text: str) -> bool:
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _transliterated(text: str) -> str:
    return "".join(letter if _fits(letter) else str(unidecode(letter)).replace("[?]", " ") for letter in text)


def _lines(batches: Sequence[Batch], first_number: int) -> Iterator[tuple[str, ...]]:
    numbers = count(first_number)
    for batch in batches:
        for entry in batch.entries:
            number = str(next(numbers))
            for posting in entry.postings:
                yield _line(entry, posting, number=number, validated_on=batch.validated_on)


def _line(entry: Entry, posting: Posting, *, number: str, validated_on: date) -> tuple[str, ...]:
    auxiliary = posting.auxiliary
    return (
        _filled(entry.journal.code, "a journal's code"),
        _filled(entry.journal.label, "a journal's label"),
        number,
        _day(entry.date),
        posting.account.number,
        _filled(posting.account.label, "an account's label"),
        _filled(auxiliary.number, "an artist's account") if auxiliary else "",
        # A name made only of emoji becomes empty, and an artist's account needs a label.
        (plain(auxiliary.name) or auxiliary.number) if auxiliary else "",
        _filled(entry.piece, "a piece"),
        _day(entry.piece_date or entry.date),
        plain(posting.label) or _filled(entry.label, "an entry's label"),
        _amount(posting.debit_cents),
        _amount(posting.credit_cents),
        "",
        "",
        _day(validated_on),
        "",
        "",
    )


def _refuse_validation(batches: Sequence[Batch]) -> None:
    last = date.min
    for batch in batches:
        if batch.validated_on < last:
            raise FecError(
                f"Found entries validated on {batch.validated_on} after others of {last}; put them in order."
            )
        last = batch.validated_on
        for entry in batch.entries:
            if entry.date > batch.validated_on:
                raise FecError(
                    f"The entry {entry.label!r} of {entry.date} is validated on {batch.validated_on}, expected its day "
                    "or a later one."
                )


def _refuse_labels(entries: Sequence[Entry]) -> None:
    labels: dict[tuple[str, str], str] = {}
    for entry in entries:
        _refuse_second(labels, ("Journal", entry.journal.code), entry.journal.label)
        for posting in entry.postings:
            _refuse_second(labels, ("Account", posting.account.number), posting.account.label)
            if posting.auxiliary:
                _refuse_second(labels, ("Artist's account", posting.auxiliary.number), posting.auxiliary.name)


def _refuse_second(labels: dict[tuple[str, str], str], key: tuple[str, str], label: str) -> None:
    first = labels.setdefault(key, label)
    if first != label:
        raise FecError(f"{key[0]} {key[1]} has two labels: {first!r} and {label!r}. Write one of them, or two files.")


def _filled(text: str, what: str) -> str:
    cleaned = plain(text)
    if not cleaned:
        raise FecError(f"Found {text!r} as {what}, expected letters or digits that ISO 8859-15 can hold.")
    return cleaned


def _day(day: date) -> str:
    return day.isoformat().replace("-", "")


def _amount(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d}"


def _has_right_check_digit(siren: str) -> bool:
    """Luhn: every second digit is doubled, and the sum of all digits is a multiple of 10."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(siren))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0
