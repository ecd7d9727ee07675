"""The tests' own reader of FEC refuses each fault, so that a file it accepts means something."""

import pytest

from tests.fec_reader import HEADER, changed, findings, read

NAME = "732829320FEC20261231.txt"
GOOD = (
    "AN|À nouveaux|1|20260101|467100|Artistes|a01|Zoë|AN|20260101|Ouverture|1,00|0,00|||20260105||",
    "AN|À nouveaux|1|20260101|512000|Banque|||AN|20260101|Ouverture|0,00|1,00|||20260105||",
    "RD|Droits|2|20260131|651600|Droits|||ALV|20260131|Close|10,00|0,00|||20260203||",
    "RD|Droits|2|20260131|467100|Artistes|a01|Zoë|ALV|20260131|Close|0,00|10,00|A|20260203|20260203||",
)


def content(*lines: str, end: str = "\r\n", separator: str = "\t") -> bytes:
    table = [HEADER, *(line.split("|") for line in lines)]
    return "".join(separator.join(cells) + end for cells in table).encode("iso8859-15")


def closing(line: str) -> str:
    return line.replace("AN|À nouveaux", "RD|Droits").replace("467100|Artistes|a01|Zoë", "120000|Résultat||")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", ["\t", "|"])
def test_a_good_file_is_accepted(end: str, separator: str) -> None:
    assert findings(content(*GOOD, end=end, separator=separator), NAME) == []


def test_values_are_read() -> None:
    row = read(content(*GOOD))[3]
    assert (row.number, row.day.isoformat(), row.account, row.auxiliary_label, row.balance) == (
        2,
        "2026-01-31",
        "467100",
        "Zoë",
        -1000,
    )


@pytest.mark.parametrize(
    "name",
    [
        "73282932FEC20261231.txt",
        "732829321FEC20261231.txt",
        "732829320FEC20260230.txt",
        "732829320FEC21001231.txt",
        "732829320fec20261231.txt",
        "732829320FEC20261231.csv",
    ],
)
def test_a_wrong_name_is_found(name: str) -> None:
    assert findings(content(*GOOD), name)


@pytest.mark.parametrize(
    ("line", "before", "after", "problem"),
    [
        (2, "10,00", "10.00", "Debit 10.00"),
        (2, "10,00", "1 0,00", "Debit 1 0,00"),
        (2, "10,00", "10,001", "Debit 10,001"),
        (2, "10,00|0,00", "-10,00|0,00", "a negative amount"),
        (2, "10,00|0,00", "10,00|10,00", "both or none"),
        (2, "10,00|0,00", "0,00|0,00", "both or none"),
        (2, "10,00", "10,01", "entry 2 does not balance"),
        (2, "20260131|651600", "20260230|651600", "EcritureDate 20260230"),
        (2, "20260131|651600", "20260130|651600", "entry 2 has two days"),
        (2, "RD|", "OD|", "two days, journals"),
        (2, "651600", "65A600", "CompteNum 65A600"),
        (2, "|Close|", "||", "EcritureLib is empty"),
        (2, "|ALV|", "||", "PieceRef is empty"),
        (2, "|20260203|", "||", "ValidDate is empty"),
        (2, "20260203", "20260130", "validated before its day"),
        (2, "|2|", "|2a|", "EcritureNum 2a"),
        (3, "|a01|", "||", "CompAuxNum without CompAuxLib"),
        (3, "|A|", "||", "EcritureLet without DateLet"),
        (3, "||", "|EUR", "17 fields"),
        (3, "||", "||EUR", "Montantdevise without Idevise"),
        (3, "|Artistes|", "|Artists|", "account 467100 has 2 labels"),
        (3, "|Zoë|", "|Zoé|", "auxiliary a01 has 2 labels"),
        (3, "|a01|", "|A01|", "auxiliary a01 has 2 labels"),
        (3, "|Artistes|", "| Artistes|", "blanks around"),
        (3, "|Artistes|", "|Arti\x85stes|", "control characters"),
        (0, "467100", "120000", ""),
    ],
)
def test_each_fault_of_a_line_is_found(line: int, before: str, after: str, problem: str) -> None:
    lines = list(GOOD)
    # The last occurrence, so that "||" is the end of the line.
    lines[line] = after.join(lines[line].rsplit(before, 1))
    assert lines[line] != GOOD[line]
    found = findings(content(*lines), NAME)
    assert (problem in " ".join(found) and found) if problem else not found


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ((), "no entry"),
        ((*GOOD, ""), "is empty"),
        ((*GOOD[2:], *GOOD[:2]), "not in order"),
        ((*GOOD[:2], *(line.replace("|2|", "|3|") for line in GOOD[2:])), "gaps"),
        (tuple(closing(line) for line in GOOD[:2]), "closes charges"),
        (tuple(line.replace("20260131", "20270131").replace("20260203", "20270203") for line in GOOD), "later than"),
        (tuple(line.replace("20260105", "20260301") for line in GOOD), "order of validation"),
        ((*GOOD[2:], *GOOD[:2]), "opening entry after"),
    ],
)
def test_each_fault_of_a_file_is_found(lines: tuple[str, ...], problem: str) -> None:
    table = [HEADER, *(line.split("|") for line in lines)]
    text = "".join("\t".join(cells) + "\n" for cells in table)
    assert problem in " ".join(findings(text.encode("iso8859-15"), NAME))


def test_a_separator_in_a_text_and_a_last_line_without_end_are_found() -> None:
    assert findings(content(*GOOD).replace(b"Banque", b"Ban|que"), NAME) == ["'|' inside a text"]
    assert findings(content(*GOOD)[:-2], NAME) == ["the last line has no end"]


def test_a_validated_line_that_changed_is_found() -> None:
    assert changed(content(*GOOD[:2]), content(*GOOD)) == []
    assert changed(content(*GOOD), content(*GOOD[:3])) == [GOOD[3].replace("|", "\t")]
    assert len(changed(content(*GOOD), content(GOOD[0].replace("Zoë", "Zoe"), *GOOD[1:]))) == 1
