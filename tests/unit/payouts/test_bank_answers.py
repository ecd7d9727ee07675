"""The bank's answers are read to the cent, in every version, or refused; nothing that a bank writes crashes."""

import hashlib
from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allive.payouts.bank_answers import (
    AnswerKind,
    Balance,
    BankAnswer,
    BankAnswerError,
    Direction,
    Movement,
    Reason,
    ReasonList,
    Status,
    StatusLevel,
    parse_bank_answer,
    read_bank_answer,
    schema_findings,
    xml_content,
)
from tests.bank_messages import (
    ANNA,
    BATCH,
    BOB,
    CAMT_VERSIONS,
    DAY,
    FEE,
    OF_ANNA,
    OF_BOB,
    ORDER,
    OUR_ACCOUNT,
    PAIN_VERSIONS,
    RETURN,
    RETURN_OF_BOB,
    Entry,
    Reported,
    Transfer,
    account_report,
    document,
    status_report,
    tag,
)

EACH_CAMT = pytest.mark.parametrize(("kind", "version"), [(k, v) for k in ("053", "054") for v in CAMT_VERSIONS])
EACH_PAIN = pytest.mark.parametrize("version", PAIN_VERSIONS)


def read(content: bytes) -> BankAnswer:
    return parse_bank_answer(content, name="answer.xml")


def movements(*entries: Entry, kind: str = "054", version: str = "08") -> tuple[Movement, ...]:
    return read(account_report(kind, version, entries)).movements


def movement(entry: Entry, kind: str = "054", version: str = "08") -> Movement:
    (found,) = movements(entry, kind=kind, version=version)
    return found


def refusal(content: bytes) -> str:
    with pytest.raises(BankAnswerError) as refused:
        read(content)
    return str(refused.value)


@EACH_CAMT
def test_a_day_of_a_batch_a_return_and_a_fee(kind: str, version: str) -> None:
    anna, bob, returned, fee = movements(*DAY, kind=kind, version=version)
    assert anna == Movement(
        account=OUR_ACCOUNT,
        direction=Direction.DEBIT,
        booked_on=date(2026, 11, 5),
        cents=10010,
        currency="EUR",
        end_to_end_id="2026-10-a01",
        message_id=ORDER,
        payment_information_id=ORDER,
        bank_reference="BANK-1",
        counterparty_iban=ANNA,
        counterparty_name="Anna Müller",
        is_return=False,
        reason=None,
        charges_cents=0,
        is_reversal=False,
        transaction_code="PMNT/ICDT/ESCT",
        transfers_in_it=None,
        text="",
    )
    assert bob == replace(
        anna, cents=5020, end_to_end_id="2026-10-b02", counterparty_iban=BOB, counterparty_name="Bob & Söhne"
    )
    assert returned == replace(
        bob,
        direction=Direction.CREDIT,
        booked_on=date(2026, 11, 9),
        message_id=None,
        payment_information_id=None,
        bank_reference="BANK-2",
        is_return=True,
        reason=Reason(ReasonList.RETURN, "AC04", is_proprietary=False, text="COMPTE CLOS"),
        transaction_code="PMNT/RCDT/RRTN",
    )
    assert (fee.cents, fee.direction, fee.end_to_end_id, fee.text) == (
        140, Direction.DEBIT, None, "FRAIS SUR VIREMENT REJETE",
    )  # fmt: skip


@EACH_CAMT
def test_the_file_and_its_statement(kind: str, version: str) -> None:
    content = account_report(kind, version, DAY)
    answer = read(content)
    (statement,) = answer.statements
    assert (answer.kind, answer.message_name) == (AnswerKind(f"camt.{kind}"), f"camt.{kind}.001.{version}")
    assert (answer.message_id, answer.created_at) == (f"CAMT{kind}-211", "2026-11-05T22:15:00+01:00")
    assert answer.sha256 == hashlib.sha256(content).hexdigest()
    assert answer.statuses == ()
    assert (statement.account, statement.statement_id, statement.number) == (OUR_ACCOUNT, "STMT-211", 211)
    day = date(2026, 11, 5)
    balances = (Balance(100000, "EUR", day), Balance(89850, "EUR", day)) if kind == "053" else (None, None)
    assert (statement.opening, statement.closing) == balances
    assert statement.gap_cents == (0 if kind == "053" else None)


def test_a_movement_that_is_missing_from_a_statement_shows_as_a_gap() -> None:
    (statement,) = read(account_report("053", "08", DAY[:2])).statements
    assert statement.gap_cents == -140


def test_an_overdrawn_account_has_a_negative_balance() -> None:
    (statement,) = read(account_report("053", "02", [FEE], balances=("0.40", "-1.00"))).statements
    assert (statement.closing.cents, statement.gap_cents) == (-100, 0)


@EACH_CAMT
@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_an_entry_that_is_not_booked_is_counted_and_left_out(kind: str, version: str, status: str) -> None:
    (statement,) = read(account_report(kind, version, [replace(BATCH, status=status), RETURN])).statements
    assert [found.cents for found in statement.movements] == [5020]
    assert statement.not_booked == 1


def test_a_notification_and_the_statement_after_it_have_the_same_movements() -> None:
    noted = movements(*DAY, kind="054", version="08")
    stated = movements(*DAY, kind="053", version="02")
    assert [one.key for one in noted] == [one.key for one in stated]
    assert len({one.key for one in noted}) == 4


def test_a_fee_without_reference_is_another_one_on_another_day() -> None:
    first, second = movements(FEE, replace(FEE, booked="<Dt>2026-12-05</Dt>"))
    assert first.key != second.key


@pytest.mark.parametrize(
    "other",
    [
        replace(RETURN, direction="DBIT", transfers=(replace(RETURN_OF_BOB, direction="DBIT"),)),
        replace(RETURN, amount="50.21", transfers=(replace(RETURN_OF_BOB, amount="50.21"),)),
        replace(RETURN, transfers=(replace(RETURN_OF_BOB, code="MS03"),)),
        replace(RETURN, transfers=(replace(RETURN_OF_BOB, end_to_end_id="2026-10-c03"),)),
        replace(RETURN, reference="BANK-3"),
        replace(RETURN, is_reversal=True),
        replace(RETURN, currency="CHF", transfers=(replace(RETURN_OF_BOB, currency="CHF"),)),
    ],
)
def test_what_differs_is_another_movement(other: Entry) -> None:
    assert movement(RETURN).key != movement(other).key


@EACH_CAMT
def test_a_single_booking_without_its_own_amount_has_the_entry_s(kind: str, version: str) -> None:
    entry = replace(BATCH, amount="100.10", transfers=(replace(OF_ANNA, amount=None, ordered="101.00"),), batch=None)
    if version == "04":  # here each transfer must have an amount
        entry = replace(entry, transfers=(OF_ANNA,))
    assert movement(entry, kind, version).cents == 10010


def test_a_single_booking_in_another_currency_has_the_amount_that_was_booked() -> None:
    entry = replace(BATCH, amount="92.51", transfers=(replace(OF_ANNA, amount="100.10", currency="USD"),), batch=None)
    assert [(one.cents, one.currency) for one in movements(entry, version="02")] == [(9251, "EUR")]


@EACH_CAMT
def test_a_batch_that_the_bank_did_not_split_names_the_order(kind: str, version: str) -> None:
    found = movement(replace(BATCH, transfers=()), kind, version)
    assert (found.cents, found.payment_information_id, found.transfers_in_it) == (15030, ORDER, 2)
    assert found.end_to_end_id is None


def test_a_correction_is_summed_by_its_direction() -> None:
    entry = replace(BATCH, amount="49.90", transfers=(OF_ANNA, replace(OF_BOB, direction="CRDT")), batch=None)
    assert [(one.cents, one.direction.value) for one in movements(entry)] == [(10010, "DBIT"), (5020, "CRDT")]


@pytest.mark.parametrize("version", CAMT_VERSIONS)
@pytest.mark.parametrize(
    "transfers",
    [
        (OF_ANNA, replace(OF_BOB, amount="50.21")),
        (OF_ANNA,),
        (OF_ANNA, replace(OF_BOB, amount=None)),
        (replace(OF_ANNA, amount="150.30"), replace(OF_BOB, amount=None)),
        (OF_ANNA, replace(OF_BOB, currency="CHF")),
        (replace(OF_ANNA, amount=None), replace(OF_BOB, amount=None)),
    ],
)
def test_transfers_that_do_not_add_up_to_their_entry_refuse_the_file(
    version: str, transfers: tuple[Transfer, ...]
) -> None:
    said = refusal(account_report("054", version, [RETURN, replace(BATCH, transfers=transfers)]))
    assert "answer.xml, entry 2 (BANK-1): found" in said
    assert "expected 150.30" in said
    assert "ask the bank" in said


@EACH_CAMT
@pytest.mark.parametrize(
    ("is_reversal", "sides"),
    [
        (False, ("Allive SAS", OUR_ACCOUNT, "Bob & Söhne", BOB)),
        (False, ("Bob & Söhne", BOB, "Allive SAS", OUR_ACCOUNT)),
        (False, ("Bob & Söhne", BOB, "Allive SAS", None)),
        (False, ("Allive SAS", None, "Bob & Söhne", BOB)),
        (True, ("Bob & Söhne", BOB, "Allive SAS", None)),
    ],
)
def test_the_other_side_of_a_return_is_found_in_either_order(
    kind: str, version: str, is_reversal: bool, sides: tuple[str | None, ...]
) -> None:
    returned = replace(RETURN, transfers=(replace(RETURN_OF_BOB, sides=sides),), is_reversal=is_reversal)
    found = movement(returned, kind, version)
    assert (found.counterparty_iban, found.counterparty_name) == (BOB, "Bob & Söhne")


def test_the_other_side_of_a_payment_in_is_its_debtor() -> None:
    sides = ("Un abonné", None, "Allive SAS", "FR7630006000011234567890190")
    came_in = Entry(amount="9.99", direction="CRDT", transfers=(Transfer("9.99", sides=sides, direction="CRDT"),))
    found = movement(came_in)
    assert (found.counterparty_iban, found.counterparty_name) == (None, "Un abonné")
    assert (found.is_return, found.reason) == (False, None)


@EACH_CAMT
def test_a_partial_return_with_charges(kind: str, version: str) -> None:
    partial = replace(
        RETURN_OF_BOB, amount="45.20", ordered="50.20", code="FOCR", charges=(("5.00", "DBIT"), ("0.50", "CRDT"))
    )
    found = movement(replace(RETURN, amount="45.20", transfers=(partial,)), kind, version)
    assert (found.cents, found.charges_cents, found.is_return) == (4520, 450, True)


@EACH_CAMT
def test_charges_of_an_entry_are_counted_once(kind: str, version: str) -> None:
    found = movements(replace(BATCH, charges=(("0.40", "DBIT"),)), kind=kind, version=version)
    assert [one.charges_cents for one in found] == [40, 0]
    each = tuple(replace(one, charges=(("0.20", "DBIT"),)) for one in (OF_ANNA, OF_BOB))
    found = movements(replace(BATCH, transfers=each, charges=(("0.40", "DBIT"),)), kind=kind, version=version)
    assert [one.charges_cents for one in found] == [20, 20]


def test_charges_given_as_a_total_only() -> None:
    content = account_report("054", "08", [RETURN]).replace(
        b"</BkTxCd><NtryDtls>",
        b'</BkTxCd><Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">3.20</TtlChrgsAndTaxAmt></Chrgs><NtryDtls>',
    )
    assert [one.charges_cents for one in read(content).movements] == [320]


@EACH_CAMT
def test_a_reversal_of_a_debit_is_no_return(kind: str, version: str) -> None:
    back = replace(OF_ANNA, direction="CRDT")
    found = movement(Entry("100.10", "CRDT", (back,), is_reversal=True), kind, version)
    assert (found.is_reversal, found.is_return, found.direction) == (True, False, Direction.CREDIT)
    assert found.counterparty_iban == ANNA


@pytest.mark.parametrize(
    ("code", "own_code", "words", "expected"),
    [
        ("AC04", None, (), Reason(ReasonList.RETURN, "AC04", is_proprietary=False, text="")),
        ("ZZ99", None, (), Reason(ReasonList.RETURN, "ZZ99", is_proprietary=False, text="")),
        (None, "MOTIF 42", (), Reason(ReasonList.RETURN, "MOTIF 42", is_proprietary=True, text="")),
        (None, "AC04", ("Clos",), Reason(ReasonList.RETURN, "AC04", is_proprietary=True, text="Clos")),
        (None, None, ("a", "b"), Reason(ReasonList.RETURN, None, is_proprietary=False, text="a b")),
        (None, None, (), None),
    ],
)
def test_a_return_with_any_reason(
    code: str | None, own_code: str | None, words: tuple[str, ...], expected: Reason | None
) -> None:
    returned = replace(RETURN, transfers=(replace(RETURN_OF_BOB, code=code, own_code=own_code, words=words),))
    for kind, version in product(("053", "054"), CAMT_VERSIONS):
        found = movement(returned, kind, version)
        assert (found.reason, found.is_return) == (expected, True)


def test_money_that_we_send_back_is_no_return_of_ours() -> None:
    sent_back = replace(RETURN_OF_BOB, direction="DBIT", code="AC01")
    found = movement(replace(RETURN, direction="DBIT", transfers=(sent_back,)))
    assert (found.is_return, found.reason.code) == (False, "AC01")


def test_texts_have_any_length() -> None:
    long = replace(RETURN_OF_BOB, words=("x" * 100_000,), remittance="y" * 100_000, end_to_end_id="z" * 100_000)
    content = account_report("054", "08", [replace(RETURN, transfers=(long,))])
    (found,) = read(content).movements
    assert (len(found.reason.text), len(found.text), len(found.end_to_end_id)) == (100_000, 100_000, 100_000)
    assert any("length" in finding for finding in schema_findings(content, name="answer.xml"))
    assert max(len(finding) for finding in schema_findings(content, name="answer.xml")) <= 300


def test_an_unknown_movement_keeps_everything_that_a_person_needs() -> None:
    sides = ("Régie des eaux", "FR7630004000031234567890143", "Allive SAS", OUR_ACCOUNT)
    unknown = Transfer("12.30", "NOTPROVIDED", sides, direction="CRDT", remittance="trop-perçu 2026")
    found = movement(Entry("12.30", "CRDT", (unknown,), reference="BANK-9"))
    assert (found.end_to_end_id, found.text, found.counterparty_name) == (None, "trop-perçu 2026", "Régie des eaux")


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("20.00", "CHF", 2000),
        ("1500", "JPY", 150000),
        ("1.234", "BHD", 123),
        ("100.1", "EUR", 10010),
        (".05", "EUR", 5),
    ],
)
def test_other_currencies_are_kept_and_marked(amount: str, currency: str, cents: int) -> None:
    found = movement(Entry(amount, "CRDT", currency=currency))
    assert (found.cents, found.currency, found.is_euro) == (cents, currency, currency == "EUR")


@pytest.mark.parametrize(
    "amount", ["100.105", "-5.00", "1e5", "NaN", "Infinity", "1,00", "", " ", "٣", "1_000", "9" * 19, "0x10", "+", "."]
)
def test_a_wrong_amount_refuses_the_file(amount: str) -> None:
    assert "Ask the bank to correct the file" in refusal(account_report("054", "08", [Entry(amount, "CRDT")]))


def test_the_largest_amount_is_exact() -> None:
    assert movement(Entry("999999999999999999", "CRDT")).cents == 99999999999999999900
    assert movement(Entry("9007199254740993.07", "CRDT")).cents == 900719925474099307  # no float holds it


@pytest.mark.parametrize(
    ("booked", "day"),
    [
        ("<Dt>2026-11-05</Dt>", date(2026, 11, 5)),
        ("<Dt>2026-11-05+01:00</Dt>", date(2026, 11, 5)),
        ("<DtTm>2026-11-05T23:59:59</DtTm>", date(2026, 11, 5)),
        ("<DtTm>2026-11-05T23:30:00.123Z</DtTm>", date(2026, 11, 6)),
        ("<DtTm>2026-11-05T23:30:00+01:00</DtTm>", date(2026, 11, 5)),
        ("", date(2026, 11, 6)),  # the value date
    ],
)
def test_the_day_of_a_booking_is_the_paris_day(booked: str, day: date) -> None:
    assert movement(replace(RETURN, booked=booked)).booked_on == day


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (b"<CdtDbtInd>CRDT", b"<CdtDbtInd>PLUS"),
        (b"<Dt>2026-11-09</Dt>", b"<Dt>2026-13-09</Dt>"),
        (b"<Dt>2026-11-09</Dt>", b"<DtTm>yesterday</DtTm>"),
        (b' Ccy="EUR">50.20', b">50.20"),
        (b"<Acct><Id><IBAN>" + OUR_ACCOUNT.encode() + b"</IBAN></Id><Ccy>EUR</Ccy></Acct>", b""),
        (b"<MsgId>CAMT054-211</MsgId>", b""),
    ],
)
def test_a_wrong_or_missing_value_refuses_the_file(found: bytes, wrong: bytes) -> None:
    content = account_report("054", "08", [RETURN])
    assert found in content
    said = refusal(content.replace(found, wrong))
    assert "answer.xml" in said
    assert "expected" in said


@EACH_PAIN
def test_one_transfer_accepted_and_one_rejected(version: str) -> None:
    answer = read(
        status_report(
            version,
            group_status="PART",
            blocks=[
                (
                    "BLOCK-1",
                    "PART",
                    [
                        Reported("2026-10-a01", "ACSP"),
                        Reported(
                            "2026-10-b02",
                            "RJCT",
                            [("AC01", None, ("IBAN", "INCONNU")), (None, "B-17", ())],
                            amount="50.20",
                            iban=BOB,
                        ),
                    ],
                )
            ],
        )
    )
    assert (answer.kind, answer.message_id, answer.statements) == (AnswerKind.STATUS_REPORT, "PSR-77", ())
    group, block, anna, bob = answer.statuses
    assert group == Status(StatusLevel.GROUP, ORDER, None, None, "PART", (), None, None, None)
    assert block == replace(group, level=StatusLevel.PAYMENT, payment_information_id="BLOCK-1")
    assert anna == replace(block, level=StatusLevel.TRANSACTION, end_to_end_id="2026-10-a01", code="ACSP")
    assert bob == replace(
        anna,
        end_to_end_id="2026-10-b02",
        code="RJCT",
        reasons=(
            Reason(ReasonList.STATUS, "AC01", is_proprietary=False, text="IBAN INCONNU"),
            Reason(ReasonList.STATUS, "B-17", is_proprietary=True, text=""),
        ),
        cents=5020,
        currency="EUR",
        creditor_iban=BOB,
    )
    assert [status.is_rejection for status in answer.statuses] == [False, False, False, True]
    assert bob.text == "IBAN INCONNU"


@EACH_PAIN
def test_the_whole_order_rejected(version: str) -> None:
    (group,) = read(status_report(version, group_status="RJCT", group_reasons=[("FF01", None, ())])).statuses
    assert (group.level, group.is_rejection, group.original_message_id) == (StatusLevel.GROUP, True, ORDER)
    assert [reason.code for reason in group.reasons] == ["FF01"]


@EACH_PAIN
def test_a_verification_of_payee_rejects_nothing(version: str) -> None:
    named = [Reported(f"2026-10-a0{number}", code) for number, code in enumerate(["RCVC", "RVMC", "RVNM", "RVNA"])]
    statuses = read(status_report(version, group_status="RVCM", blocks=[("BLOCK-1", None, named)])).statuses
    assert [status.code for status in statuses] == ["RVCM", "RCVC", "RVMC", "RVNM", "RVNA"]
    assert not any(status.is_rejection for status in statuses)


def test_every_transfer_of_every_block_has_its_status() -> None:
    blocks = [(f"B{block}", None, [Reported(f"E{block}-{one}", None) for one in range(3)]) for block in range(3)]
    statuses = read(status_report("10", blocks=blocks)).statuses
    assert [(one.payment_information_id, one.end_to_end_id, one.code) for one in statuses] == [
        (f"B{block}", f"E{block}-{one}", None) for block in range(3) for one in range(3)
    ]


def test_a_status_report_that_names_no_order_is_refused() -> None:
    content = status_report("03").replace(f"<OrgnlMsgId>{ORDER}</OrgnlMsgId>".encode(), b"")
    assert "expected the id of the order" in refusal(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no XML"),
        (b"PK\x03\x04 a zip archive", "no XML"),
        (account_report("053", "08", DAY)[:-20], "no XML"),
        (document("pain.001.001.09", tag("CstmrCdtTrfInitn", "<GrpHdr/>")), "an order (pain.001)"),
        (document("camt.052.001.08", tag("BkToCstmrAcctRpt", "<GrpHdr/>")), "camt.052"),
        (document("camt.029.001.09", tag("RsltnOfInvstgtn", "<Assgnmt/>")), "camt.029"),
        (document("pacs.004.001.09", tag("PmtRtr", "<GrpHdr/>")), "the message PmtRtr"),
        (b"<html><body>Session expired</body></html>", "found 0 messages below html"),
        (document("camt.053.001.08", "<BkToCstmrStmt/><BkToCstmrStmt/>"), "found 2 messages"),
        (b"\xff\xfe<\x00", "no XML"),
        ("<a>é</a>".encode("cp1252"), "not valid utf-8"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "encoded in UTF-7, expected UTF-8"),
        (b'<?xml version="1.0" encoding="x-unknown"?><a/>', "encoded in x-unknown, expected UTF-8"),
    ],
)
def test_a_file_that_is_no_answer_is_refused_with_what_was_found(content: bytes, said: str) -> None:
    refused = refusal(content)
    assert refused.startswith("answer.xml")
    assert said in refused


def test_an_answer_in_an_envelope_is_read() -> None:
    inner = account_report("053", "08", DAY).split(b"\n", 1)[1]
    enveloped = b'<BizMsgEnvlp xmlns="urn:x"><AppHdr/>' + inner + b"</BizMsgEnvlp>"
    assert read(enveloped).movements == movements(*DAY, kind="053")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "iso-8859-15", "windows-1252"])
def test_an_answer_in_another_encoding_is_read(encoding: str) -> None:
    written = account_report("053", "08", DAY).decode()
    if not encoding.startswith("utf"):
        written = written.replace("UTF-8", encoding)
    assert read(written.encode(encoding)).movements == movements(*DAY, kind="053")


def test_an_answer_with_prefixes_or_without_namespace_is_read() -> None:
    plain = account_report("053", "02", DAY).decode()
    bare = plain.replace(' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"', "")
    answer = read(bare.encode())
    assert (answer.message_name, answer.movements) == (None, read(plain.encode()).movements)
    assert schema_findings(bare.encode(), name="answer.xml") is None


def test_a_file_with_several_statements() -> None:
    content = account_report("053", "08", DAY).decode()
    start, end = content.index("<Stmt>"), content.index("</Stmt>") + len("</Stmt>")
    second = content[start:end].replace(OUR_ACCOUNT, BOB).replace("<ElctrncSeqNb>211", "<ElctrncSeqNb>9")
    answer = read((content[:end] + second + content[end:]).encode())
    assert [(one.account, one.number) for one in answer.statements] == [(OUR_ACCOUNT, 211), (BOB, 9)]
    assert len(answer.movements) == 8


DOCTYPES = [
    '<!DOCTYPE a [<!ENTITY x "y">]>',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-with-mark"])
@pytest.mark.parametrize("doctype", DOCTYPES)
def test_a_doctype_is_refused_before_anything_is_parsed(
    doctype: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(_text: str) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("xml.etree.ElementTree.fromstring", parse)
    written = account_report("053", "08", DAY).decode().replace("<Document", f"{doctype}<Document").split("\n", 1)[1]
    with_mark = encoding == "utf-16-be-with-mark"
    content = b"\xfe\xff" + written.encode("utf-16-be") if with_mark else written.encode(encoding)
    assert "has a DOCTYPE" in refusal(content)
    with pytest.raises(BankAnswerError, match="DOCTYPE"):
        schema_findings(content, name="answer.xml")


def test_an_entity_is_never_expanded() -> None:
    content = account_report("053", "08", DAY).replace(b"COMPTE CLOS", b"&secret;")
    assert "no XML: undefined entity" in refusal(content)


def test_a_file_above_the_limit_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = account_report("053", "08", DAY)
    path = tmp_path / "large.xml"
    path.write_bytes(content)
    monkeypatch.setattr(xml_content, "LARGEST_BYTES", len(content))
    assert read_bank_answer(path) == read(content)
    monkeypatch.setattr(xml_content, "LARGEST_BYTES", len(content) - 1)
    with pytest.raises(BankAnswerError, match=r"large\.xml is larger than"):
        read_bank_answer(path)
    assert "expected at most" in refusal(content)


def test_the_limit_is_50_megabytes() -> None:
    assert xml_content.LARGEST_BYTES == 52_428_800


@pytest.mark.slow
@pytest.mark.parametrize("where", ["", "<SplmtryData><Envlp>…</Envlp></SplmtryData>"])
def test_deep_nesting_never_crashes(where: str) -> None:
    deep = "<a>" * 5_000 + "</a>" * 5_000
    deep = where.replace("…", deep) or deep
    content = account_report("053", "08", DAY).replace(b"</Stmt></Bk", f"</Stmt>{deep}</Bk".encode())
    assert deep.encode() in content
    assert len(read(content).movements) == 4
    assert schema_findings(content, name="answer.xml")


@pytest.mark.slow
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30), st.sampled_from(CAMT_VERSIONS))
def test_any_batch_is_read_to_the_cent(cents: list[int], version: str) -> None:
    def written(amount: int) -> str:
        return f"{amount // 100}.{amount % 100:02d}"

    transfers = [replace(OF_ANNA, amount=written(one), end_to_end_id=f"E{at}") for at, one in enumerate(cents)]
    found = movements(replace(BATCH, amount=written(sum(cents)), transfers=transfers), version=version)
    assert [(one.end_to_end_id, one.cents) for one in found] == [(f"E{at}", one) for at, one in enumerate(cents)]


SAMPLES = [
    *(account_report(kind, version, DAY) for kind in ("053", "054") for version in CAMT_VERSIONS),
    *(
        status_report(version, blocks=[("B", "PART", [Reported("E", "RJCT", [("AC01", None, ("x",))])])])
        for version in PAIN_VERSIONS
    ),
]


@pytest.mark.slow
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 40))
        content[at : at + length] = data.draw(st.binary(max_size=20) | st.sampled_from([b"<Ntry>", b"<Amt/>", b"1e9"]))
    try:
        found = read(bytes(content)).movements
    except BankAnswerError:
        found = ()
    assert all(isinstance(one.cents, int) and one.cents >= 0 for one in found)
