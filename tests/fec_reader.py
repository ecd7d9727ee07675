"""Reads and checks a file of accounting entries (FEC). It shares no code with the product.

The checks are those of the tax authority's Test Compta Demat (as read in its source) and those that article A47 A-1 or
good order ask for and that tool leaves out. `findings` says what is wrong; an empty list means accepted.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

HEADER = [
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
]
# The tool lists empty values of the first five of these without failing; here they fail.
FILLED = [
    "JournalCode",
    "JournalLib",
    "PieceRef",
    "PieceDate",
    "ValidDate",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "EcritureLib",
    "Debit",
    "Credit",
]
DATES = ("EcritureDate", "PieceDate", "DateLet", "ValidDate")
AMOUNTS = ("Debit", "Credit", "Montantdevise")
OPENING = "AN"


@dataclass(frozen=True)
class Row:
    """A line as typed values; amounts in cents."""

    line: int
    journal: str
    journal_label: str
    number: int
    day: date
    account: str
    account_label: str
    auxiliary: str
    auxiliary_label: str
    piece: str
    label: str
    debit: int
    credit: int
    valid: date

    @property
    def balance(self) -> int:
        return self.debit - self.credit


def findings(content: bytes, name: str) -> list[str]:
    """Everything that is wrong with a file; [] if it is accepted."""
    problems = list(_problems_of_name(name))
    try:
        lines = split(content)
    except ValueError as error:
        return [*problems, str(error)]
    problems += _problems_of_lines(lines)
    if problems:  # values that cannot be read cannot be added up
        return problems
    rows = read(content)
    closing = _day(re.split("FEC", name)[1][:8])
    return [*_problems_of_entries(rows), *_problems_of_labels(rows), *_problems_of_order(rows, closing)]


def split(content: bytes) -> list[list[str]]:
    text = content.decode("iso8859-15")
    if not text.endswith(("\r", "\n")):
        raise ValueError("the last line has no end")
    lines = re.split(r"\r\n|\r|\n", text)[:-1]
    separator = "\t" if "\t" in lines[0] else "|"
    if separator == "\t" and "|" in text:
        raise ValueError("'|' inside a text")
    return [line.split(separator) for line in lines]


def read(content: bytes) -> list[Row]:
    """The rows of a file that has the right form."""
    return [_row(number, dict(zip(HEADER, cells, strict=True))) for number, cells in enumerate(split(content)[1:], 2)]


def _row(line: int, of: dict[str, str]) -> Row:
    return Row(
        line=line,
        journal=of["JournalCode"],
        journal_label=of["JournalLib"],
        number=int(of["EcritureNum"]),
        day=_day(of["EcritureDate"]),
        account=of["CompteNum"],
        account_label=of["CompteLib"],
        auxiliary=of["CompAuxNum"],
        auxiliary_label=of["CompAuxLib"],
        piece=of["PieceRef"],
        label=of["EcritureLib"],
        debit=_cents(of["Debit"]),
        credit=_cents(of["Credit"]),
        valid=_day(of["ValidDate"]),
    )


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _cents(text: str) -> int:
    return int(Decimal(text.replace(",", ".")) * 100)


def _problems_of_name(name: str) -> Iterator[str]:
    match = re.fullmatch(r"([0-9]{9})FEC([0-9]{8})(_[0-9]+)?\.txt", name)
    if not match or not _is_day(match[2]):
        yield f"the name {name}"
        return
    digits = [int(digit) for digit in match[1]]
    if (sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10:
        yield f"the check digit of {match[1]}"


def _is_day(text: str) -> bool:
    if not re.fullmatch("[0-9]{8}", text) or not 1900 <= int(text[:4]) <= 2099:
        return False
    try:
        _day(text)
    except ValueError:
        return False
    return True


def _problems_of_lines(lines: list[list[str]]) -> Iterator[str]:
    if lines[0] != HEADER:
        yield f"the header {lines[0]}"
        return
    if len(lines) == 1:
        yield "no entry"
    for number, cells in enumerate(lines[1:], 2):
        if not any(cells):
            yield f"line {number} is empty"
        elif len(cells) != len(HEADER):
            yield f"line {number} has {len(cells)} fields"
        else:
            yield from (
                f"line {number}: {problem}" for problem in _problems_of_cells(dict(zip(HEADER, cells, strict=True)))
            )


def _problems_of_cells(of: dict[str, str]) -> Iterator[str]:
    yield from (f"{name} is empty" for name in FILLED if not of[name].strip())
    for name in DATES:
        if of[name] and not _is_day(of[name]):
            yield f"{name} {of[name]}"
    for name in AMOUNTS:
        if of[name] and not re.fullmatch(r"[+-]?[0-9]+(,[0-9]{1,2})?", of[name]):
            yield f"{name} {of[name]}"
    yield from _problems_of_sides(of)
    for one, other in (("CompAuxNum", "CompAuxLib"), ("EcritureLet", "DateLet"), ("Montantdevise", "Idevise")):
        if bool(of[one]) != bool(of[other]):
            yield f"{one} without {other}, or the other way round"
    for name, value in of.items():
        if value != value.strip() or re.search(r"[\x00-\x1f\x7f-\x9f]", value):
            yield f"{name} {value!r} has blanks around or control characters"


def _problems_of_sides(of: dict[str, str]) -> Iterator[str]:
    if not re.match("[0-9]{3}", of["CompteNum"]):
        yield f"CompteNum {of['CompteNum']}"
    if not re.fullmatch("[0-9]+", of["EcritureNum"]):
        yield f"EcritureNum {of['EcritureNum']}"
    if (of["Debit"].strip("0,") == "") == (of["Credit"].strip("0,") == ""):
        yield "both or none of Debit and Credit"
    if "-" in of["Debit"] + of["Credit"]:
        yield "a negative amount"


def _problems_of_entries(rows: list[Row]) -> Iterator[str]:
    entries = defaultdict(list)
    for row in rows:
        entries[row.number].append(row)
    for number, own in entries.items():
        if sum(row.balance for row in own):
            yield f"entry {number} does not balance"
        if len({(row.day, row.journal, row.valid) for row in own}) > 1:
            yield f"entry {number} has two days, journals or validations"
    numbers = [row.number for row in rows]
    if list(dict.fromkeys(numbers)) != list(range(numbers[0], numbers[-1] + 1)) or numbers != sorted(numbers):
        yield "numbers have gaps or are not in order"


def _problems_of_labels(rows: list[Row]) -> Iterator[str]:
    labels = defaultdict(set)
    for row in rows:
        labels["account", row.account].add(row.account_label)
        labels["journal", row.journal].add(row.journal_label)
        # Accounting software does not see a difference between A01 and a01.
        labels["auxiliary", row.auxiliary.casefold()].add((row.auxiliary, row.auxiliary_label))
    for (kind, code), found in labels.items():
        if len(found) > 1:
            yield f"{kind} {code} has {len(found)} labels"


def _problems_of_order(rows: list[Row], closing: date) -> Iterator[str]:
    valid = [row.valid for row in rows]
    if valid != sorted(valid):
        yield "not in the order of validation"
    is_opening = [row.journal == OPENING for row in rows]
    if is_opening != sorted(is_opening, reverse=True):
        yield "an opening entry after others"
    for row in rows:
        if row.valid < row.day:
            yield f"line {row.line} is validated before its day"
        if row.day > closing:
            yield f"line {row.line} is later than the file's end"
        if row.account.startswith(("12", "89")) and row.journal != OPENING:
            yield f"line {row.line} closes charges and income"


def changed(earlier: bytes, later: bytes) -> list[str]:
    """Validated lines of an earlier file that a later file of the same year lacks or has elsewhere."""
    before, after = split(earlier), split(later)
    return ["\t".join(line) for line, now in zip(before, [*after, *([[]] * len(before))], strict=False) if line != now]
