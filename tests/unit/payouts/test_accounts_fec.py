"""The FEC is accepted by the tests' own reader (tests/fec_reader.py), whatever artists are called."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allive.payouts.accounts import (
    Account,
    Auxiliary,
    BankCharge,
    Batch,
    ChartOfAccounts,
    DatedCharts,
    Earned,
    Entry,
    FecError,
    Journal,
    MonthClosed,
    PaymentExecuted,
    Posting,
    entries_of,
    fec_content,
    fec_name,
    opening_entry,
    write_fec,
)
from allive.payouts.accounts.fec import plain
from tests.fec_reader import changed, findings, read
from tests.unit.payouts.test_accounts import CLOSING, EXAMPLE, NAMES, SALES

SIREN = "732829320"
END = date(2026, 12, 31)
VALIDATED = date(2027, 1, 5)


def balances_of(content: bytes) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for row in read(content):
        sums[row.account, row.auxiliary] = sums.get((row.account, row.auxiliary), 0) + row.balance
    return {key: cents for key, cents in sums.items() if cents}


def test_the_worked_example_is_accepted_and_ends_in_its_balances() -> None:
    content = fec_content([Batch(VALIDATED, [SALES, *entries_of(EXAMPLE, names=NAMES)])])
    assert findings(content, fec_name(SIREN, END)) == []
    assert balances_of(content) == CLOSING


def test_a_file_to_the_byte() -> None:
    # Written by hand from the order of article A47 A-1.
    facts = [PaymentExecuted("a01", 123_405, date(2028, 2, 29), "MSG-1", reference="ALV-2028-01-00001")]
    written = fec_content([Batch(date(2028, 3, 1), entries_of(facts, names={"a01": "Zoë Œuvré"}))], first_number=7)
    header = (
        "JournalCode JournalLib EcritureNum EcritureDate CompteNum CompteLib CompAuxNum CompAuxLib PieceRef PieceDate "
        "EcritureLib Debit Credit EcritureLet DateLet ValidDate Montantdevise Idevise"
    )
    artist = "467100|Artistes|a01|Zoë Œuvré|MSG-1|20280229|Virement ALV-2028-01-00001|1234,05|0,00"
    lines = (
        f"BQ|Banque|7|20280229|{artist}|||20280301||",
        "BQ|Banque|7|20280229|512000|Banque|||MSG-1|20280229|Virements exécutés|0,00|1234,05|||20280301||",
    )
    expected = [header.replace(" ", "\t"), *(line.replace("|", "\t") for line in lines), ""]
    assert written == "\r\n".join(expected).encode("iso8859-15")


ODD_NAMES = (
    "Dvořák",
    "a\tb",
    "a|b",
    "broken ¦ bar",
    "line\nbreak\r\n",
    "line\u2028break",
    "🎸🎸",
    "漢字",
    "Ещё",
    "  -M-  ",
    "nul\x00 and \x85",
    "e\u0301te\u0301",
    "L\u2019été \u2013 « 1999 »",
    "½ € œ Ÿ Ž",
    "soft\u00adhyphen",
    "=1+1",
    'say "hi"',
    "\ufffd\u200b",
    "",
)


def test_odd_names_and_ids_are_accepted() -> None:
    ids = [f"{name}{number}" for number, name in enumerate(ODD_NAMES)]
    facts = [MonthClosed("2026-10", len(ids), 0, earned=tuple(Earned(artist_id, 1) for artist_id in ids))]
    entries = entries_of(facts, names=dict(zip(ids, ODD_NAMES, strict=True)))
    content = fec_content([Batch(VALIDATED, entries)])
    assert findings(content, fec_name(SIREN, END)) == []
    assert len({row.auxiliary for row in read(content) if row.auxiliary}) == len(ids)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Dvořák", "Dvorák"),
        ("a\tb|c\r\nd", "a b c d"),
        ("broken ¦ bar", "broken bar"),
        ("e\u0301te\u0301", "été"),
        ("½ € œ Ÿ Ž", "1/2 € œ Ÿ Ž"),
        ("L\u2019été", "L'été"),
        ("🎸 Zoë", "Zoë"),
        ("a\u00a0b\u2028c", "a b c"),
        ("🎸", ""),
    ],
)
def test_texts_keep_what_the_file_can_hold(text: str, written: str) -> None:
    assert plain(text) == written


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8, unique_by=lambda pair: pair[0]))
def test_any_name_and_id_is_accepted(pairs: list[tuple[str, str]]) -> None:
    facts = [BankCharge(1, date(2026, 10, 31), "F"), *(PaymentExecuted(one, 1, END, "M") for one, _ in pairs)]
    content = fec_content([Batch(VALIDATED, entries_of(facts, names=dict(pairs)))])
    assert findings(content, fec_name(SIREN, END)) == []
    assert len({row.auxiliary for row in read(content)} - {""}) == len(pairs)


def test_numbers_go_on_over_batches_and_validated_lines_never_change() -> None:
    october = Batch(date(2026, 11, 3), entries_of([fact for fact in EXAMPLE if day_of(fact) <= date(2026, 10, 31)]))
    # A charge of October that the bank names in December has a later number.
    late = Batch(date(2026, 12, 2), entries_of([BankCharge(5, date(2026, 10, 30), "FRAIS-0")]))
    earlier, later = fec_content([october]), fec_content([october, late])
    assert changed(earlier, later) == []
    assert findings(later, fec_name(SIREN, END)) == []
    assert [row.number for row in read(later)] == [*[1] * 5, *[2] * 3, 3, 3]
    assert fec_content([late], first_number=3).splitlines()[1:] == later.splitlines()[-2:]


def day_of(fact: object) -> date:
    return getattr(fact, "closed_on", None) or fact.on  # type: ignore[attr-defined]


def test_a_year_opens_with_its_opening_entry() -> None:
    before = [SALES, *entries_of(EXAMPLE, names=NAMES)]
    opening = opening_entry(before, date(2027, 1, 1))
    assert opening is not None
    own = entries_of([PaymentExecuted("anna", 100, date(2027, 1, 1), "M")], names=NAMES)
    content = fec_content([Batch(date(2027, 2, 1), [opening, *own])])
    assert findings(content, fec_name(SIREN, date(2027, 12, 31))) == []
    assert balances_of(content)["467100", "anna"] == 37_12 + 1_00


def test_the_file_is_written_and_replaced(tmp_path: Path) -> None:
    batches = [Batch(VALIDATED, entries_of(EXAMPLE, names=NAMES))]
    path = write_fec(tmp_path / "accounts", batches, siren=SIREN, closing_on=END)
    first = path.read_bytes()
    assert path == tmp_path / "accounts" / "732829320FEC20261231.txt"
    assert findings(first, path.name) == []
    assert write_fec(tmp_path / "accounts", batches, siren=SIREN, closing_on=END).read_bytes() == first
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    assert write_fec(tmp_path, batches, siren=SIREN, closing_on=END, part=2).name == "732829320FEC20261231_2.txt"


@pytest.mark.parametrize("siren", ["", "73282932", "732829321", "7328293200", "73282932O", "\u0667" * 9])
def test_a_wrong_siren_is_refused(siren: str) -> None:
    with pytest.raises(FecError, match="expected the 9 digits of the company"):
        fec_name(siren, END)


def test_what_an_auditor_would_refuse_is_not_written(tmp_path: Path) -> None:
    (entry,) = entries_of([BankCharge(5, END, "F")])
    renamed = DatedCharts(((date.min, replace(ChartOfAccounts(), bank_fees=Account("627000", "Frais"))),))
    (other,) = entries_of([BankCharge(6, END, "F")], charts=renamed)
    journal = replace(entry, journal=Journal("BQ", "Bank"))
    payment = PaymentExecuted("a", 1, END, "M")
    for batches, message in (
        ([Batch(date(2026, 12, 30), [entry])], "of 2026-12-31 is validated on 2026-12-30"),
        ([Batch(VALIDATED, []), Batch(END, [entry])], "validated on 2026-12-31 after others of 2027-01-05"),
        ([Batch(VALIDATED, [entry, other])], "Account 627000 has two labels: 'Services bancaires' and 'Frais'"),
        ([Batch(VALIDATED, [entry, journal])], "Journal BQ has two labels"),
        (
            [Batch(VALIDATED, [*entries_of([payment], names={"a": "A"}), *entries_of([payment], names={"a": "B"})])],
            "Artist's account a has two labels: 'A' and 'B'",
        ),
        ([Batch(VALIDATED, [replace(entry, piece="🎸")])], "Found '🎸' as a piece"),
        ([Batch(date(2027, 1, 5), [replace(entry, date=date(2027, 1, 1))])], "2027-01-01, expected none after the end"),
    ):
        with pytest.raises(FecError, match=message):
            write_fec(tmp_path, batches, siren=SIREN, closing_on=END)
    assert not list(tmp_path.iterdir())


def test_a_label_of_a_line_can_be_missing_and_a_piece_has_its_own_day() -> None:
    postings = (
        Posting(Account("467100", "Artistes"), 1, 0, auxiliary=Auxiliary("a", "🎸"), label="🎸"),
        Posting(Account("512000", "Banque"), 0, 1),
    )
    entry = Entry(Journal("OD", "Divers"), END, "P", "Label", postings, piece_date=date(2026, 12, 30))
    content = fec_content([Batch(VALIDATED, [entry])])
    assert findings(content, fec_name(SIREN, END)) == []
    assert [(row.label, row.auxiliary_label) for row in read(content)] == [("Label", "a"), ("Label", "")]
    assert content.count(b"20261230") == 2
