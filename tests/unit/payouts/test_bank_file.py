"""Compares the bank file with a handwritten one; wrong transfers are not written, changed files are not read."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sepaxml import SepaTransfer

from allive.payouts.balances import Payee
from allive.payouts.bank_file import (
    BankedTransfer,
    BankFile,
    BankFileError,
    Transfer,
    compose_bank_file,
    read_bank_file,
)
from allive.payouts.files import _transfer
from allive.payouts.payer import Payer
from allive.payouts.run import PayoutLine

PAYER = Payer("Allive SAS", "FR1420041010050500013M02606", "PSSTFRPPPAR", "12 rue Gaîté", "75014", "Paris", "FR")
GERMAN = "DE89370400440532013000"
LODZ = Transfer(
    end_to_end_id="ALV-2021-02-00001",
    artist_id="art-1",
    name="Zoé & the Łódź Cœurs",
    iban="DE89 3704 0044 0532 0130 00",
    bic=None,
    street=None,
    postcode=None,
    town=None,
    country=None,
    amount_cents=5,
)
ELODIE = Transfer(
    end_to_end_id="ALV-2021-02-00003",
    artist_id="art-3",
    name="Élodie d’Août",  # noqa: RUF001 - as people write it
    iban="FR7630001007941234567890185",
    bic="bdfefrppcct",
    street="1, quai de l’Île",  # noqa: RUF001
    postcode="34200",
    town="Sète",
    country="fr",
    amount_cents=123_456,
)
BY_HAND = """\
<?xml version='1.0' encoding='UTF-8'?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>ALV-2021-02-0123456789abcdef0123</MsgId>
      <CreDtTm>2021-03-01T00:00:00</CreDtTm>
      <NbOfTxs>2</NbOfTxs>
      <CtrlSum>1234.61</CtrlSum>
      <InitgPty>
        <Nm>Allive SAS</Nm>
      </InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>ALV-2021-02-0123456789abcdef0123</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <BtchBookg>true</BtchBookg>
      <NbOfTxs>2</NbOfTxs>
      <CtrlSum>1234.61</CtrlSum>
      <PmtTpInf>
        <SvcLvl>
          <Cd>SEPA</Cd>
        </SvcLvl>
      </PmtTpInf>
      <ReqdExctnDt>
        <Dt>2021-03-10</Dt>
      </ReqdExctnDt>
      <Dbtr>
        <Nm>Allive SAS</Nm>
        <PstlAdr>
          <StrtNm>12 rue Gaite</StrtNm>
          <PstCd>75014</PstCd>
          <TwnNm>Paris</TwnNm>
          <Ctry>FR</Ctry>
        </PstlAdr>
      </Dbtr>
      <DbtrAcct>
        <Id>
          <IBAN>FR1420041010050500013M02606</IBAN>
        </Id>
      </DbtrAcct>
      <DbtrAgt>
        <FinInstnId>
          <BICFI>PSSTFRPPPAR</BICFI>
        </FinInstnId>
      </DbtrAgt>
      <ChrgBr>SLEV</ChrgBr>
      <CdtTrfTxInf>
        <PmtId>
          <EndToEndId>ALV-2021-02-00001</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="EUR">0.05</InstdAmt>
        </Amt>
        <Cdtr>
          <Nm>Zoe + the Lodz Coeurs</Nm>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <IBAN>DE89370400440532013000</IBAN>
          </Id>
        </CdtrAcct>
        <RmtInf>
          <Ustrd>Allive releve ALV-2021-02-00001</Ustrd>
        </RmtInf>
      </CdtTrfTxInf>
      <CdtTrfTxInf>
        <PmtId>
          <EndToEndId>ALV-2021-02-00003</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="EUR">1234.56</InstdAmt>
        </Amt>
        <CdtrAgt>
          <FinInstnId>
            <BICFI>BDFEFRPPCCT</BICFI>
          </FinInstnId>
        </CdtrAgt>
        <Cdtr>
          <Nm>Elodie d'Aout</Nm>
          <PstlAdr>
            <StrtNm>1, quai de l'Ile</StrtNm>
            <PstCd>34200</PstCd>
            <TwnNm>Sete</TwnNm>
            <Ctry>FR</Ctry>
          </PstlAdr>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <IBAN>FR7630001007941234567890185</IBAN>
          </Id>
        </CdtrAcct>
        <RmtInf>
          <Ustrd>Allive releve ALV-2021-02-00003</Ustrd>
        </RmtInf>
      </CdtTrfTxInf>
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""
AS_READ = BankFile(
    message_id="ALV-2021-02-0123456789abcdef0123",
    payment_date=date(2021, 3, 10),
    number_of_transfers=2,
    control_sum_cents=123_461,
    transfers=(
        BankedTransfer("ALV-2021-02-00001", 5, GERMAN, "Zoe + the Lodz Coeurs"),
        BankedTransfer("ALV-2021-02-00003", 123_456, "FR7630001007941234567890185", "Elodie d'Aout"),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sepa-credit-transfers.xml"


def write(path: Path, *transfers: Transfer) -> BankFile:
    path.write_bytes(
        compose_bank_file(
            transfers,
            payer=PAYER,
            message_id="ALV-2021-02-0123456789abcdef0123",
            requested_on=date(2021, 3, 10),
            created_on=date(2021, 3, 1),
        )
    )
    return read_bank_file(path)


def written(path: Path, **changes: Any) -> str:
    write(path, replace(ELODIE, **changes))
    return path.read_text(encoding="ascii")


def test_it_is_the_file_written_by_hand(path: Path) -> None:
    assert write(path, LODZ, ELODIE) == AS_READ
    assert path.read_text(encoding="ascii") == BY_HAND


def test_it_is_read_back(path: Path) -> None:
    path.write_text(BY_HAND, encoding="ascii")
    assert read_bank_file(path) == AS_READ


def test_transfers_keep_their_order(path: Path) -> None:
    assert [transfer.amount_cents for transfer in write(path, ELODIE, LODZ).transfers] == [123_456, 5]


@pytest.mark.parametrize(
    ("name", "artist_id", "expected"),
    [
        ("M&M's <3 ß ł ø", "art-1", "M+M's 3 ss l o"),
        ("🎸🔥", "art-1", "art-1"),
        (None, "art-1", "art-1"),
        ("🎸", "🎷", "ALV-2021-02-00003"),
        ("فيروز", "art-1", "fyrwz"),
        ("x" * 99, "art-1", "x" * 70),
    ],
)
def test_every_creditor_has_a_name(path: Path, name: str | None, artist_id: str, expected: str) -> None:
    assert f"<Cdtr>\n          <Nm>{expected}</Nm>" in written(path, name=name, artist_id=artist_id)


@pytest.mark.parametrize("missing", [{"town": None}, {"town": "🏝"}, {"country": None}, {"country": "France"}])
def test_without_town_or_country_there_is_no_address(path: Path, missing: dict[str, Any]) -> None:
    assert written(path, **missing).count("<PstlAdr>") == 1  # the payer's


def test_town_and_country_are_address_enough(path: Path) -> None:
    address = "<PstlAdr><TwnNm>Sete</TwnNm><Ctry>FR</Ctry></PstlAdr>"
    assert address in re.sub(r">\s+<", "><", written(path, street=None, postcode=""))


def test_a_long_address_is_cut_to_its_fields(path: Path) -> None:
    text = written(path, street="s" * 99, postcode="p" * 99, town="t" * 99)
    for tag, letter, length in (("StrtNm", "s", 70), ("PstCd", "p", 16), ("TwnNm", "t", 35)):
        assert f"<{tag}>{letter * length}</{tag}>" in text


@pytest.mark.parametrize(
    "account",
    [
        {"iban": "FR7730001007941234567890185"},
        {"iban": "BR1800360305000010009795493C1", "bic": None},
        {"iban": ""},
    ],
)
def test_an_account_that_cannot_be_paid_to_names_the_artist_and_hides_the_iban(
    path: Path, account: dict[str, Any]
) -> None:
    wrong = replace(ELODIE, **account)
    with pytest.raises(BankFileError, match=r"Artist art-3: found IBAN \S*… ?.* expected an account") as refusal:
        write(path, LODZ, wrong)
    assert "art-1" not in str(refusal.value)
    assert not wrong.iban or wrong.iban not in str(refusal.value)
    assert not path.exists()


def test_a_bic_that_does_not_fit_the_iban_is_left_out(path: Path) -> None:
    assert written(path, bic=" bdfefrpp cct").count("<BICFI>BDFEFRPPCCT</BICFI>") == 1
    for bic in ("DEUTDEFF", "BDFEFRP", " "):
        text = written(path, bic=bic)
        assert text.count("<BICFI>") == 1  # the payer's
        assert "FR7630001007941234567890185" in text


def test_the_order_of_a_run_names_the_holder_of_the_account() -> None:
    line = PayoutLine("2021-02", "a", "Ève", "emerging", 1, 1, 0, 0, 0, 1000, 0, 0, 1000, 0, None)
    payee = Payee("a", "Ève", GERMAN, "COBADEFF", legal_name="Ève SARL", account_holder="Anne Martin", town="Sète")
    transfer = _transfer(line, "ALV-2021-02-00001", payee, withheld_cents=0)
    assert (transfer.account_holder, transfer.iban, transfer.bic, transfer.town) == (
        "Anne Martin",
        GERMAN,
        "COBADEFF",
        "Sète",
    )


@pytest.mark.parametrize("cents", [-1, 0, 100_000_000_000])
def test_an_amount_that_no_transfer_can_carry_is_refused(path: Path, cents: int) -> None:
    with pytest.raises(BankFileError, match=rf"Artist art-3: found {cents} cents, expected between 1 and 99999999999"):
        write(path, replace(ELODIE, amount_cents=cents))
    assert not path.exists()


@pytest.mark.parametrize(
    ("cents", "euros"), [(1, "0.01"), (10, "0.10"), (100, "1.00"), (99_999_999_999, "999999999.99")]
)
def test_amounts_are_written_to_the_cent(path: Path, cents: int, euros: str) -> None:
    assert f'<InstdAmt Ccy="EUR">{euros}</InstdAmt>' in written(path, amount_cents=cents)


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (replace(ELODIE, artist_id="art-9"), "The end-to-end id ALV-2021-02-00003 appears 2 times"),
        (replace(ELODIE, end_to_end_id="ALV-2021-02-00009"), "The artist art-3 appears 2 times"),
    ],
)
def test_an_artist_is_paid_once_under_an_id_of_its_own(path: Path, twin: Transfer, message: str) -> None:
    with pytest.raises(BankFileError, match=message):
        write(path, ELODIE, LODZ, twin)


def test_two_artists_may_share_an_account(path: Path) -> None:
    assert write(path, ELODIE, replace(LODZ, iban=ELODIE.iban)).number_of_transfers == 2


def test_a_month_that_pays_nobody_has_no_file(path: Path) -> None:
    with pytest.raises(BankFileError, match="no transfer"):
        write(path)
    assert not path.exists()


def test_what_does_not_validate_is_not_written(path: Path) -> None:
    with pytest.raises(BankFileError, match=r"does not validate against pain\.001\.001\.09: .*EndToEndId"):
        write(path, replace(ELODIE, end_to_end_id="ALV-" + "0" * 32))
    assert not path.exists()


@pytest.mark.parametrize(
    "slip",
    [
        {"amount": 123_457},
        {"IBAN": GERMAN},
        {"name": "Somebody Else"},
        {"endtoend_id": "ALV-2021-02-00004"},
    ],
)
def test_what_reads_back_otherwise_is_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, slip: dict[str, Any]
) -> None:
    add_payment = SepaTransfer.add_payment
    monkeypatch.setattr(SepaTransfer, "add_payment", lambda self, payment: add_payment(self, payment | slip))
    with pytest.raises(BankFileError, match="reads back differently"):
        write(path, ELODIE)
    assert not path.exists()


@pytest.mark.parametrize(
    ("found", "changed", "message"),
    [
        ("1234.56", "1234.57", "states 2 transfers of 123461 cents and holds 2 of 123462"),
        ("<CtrlSum>1234.61", "<CtrlSum>1234.60", "states 2 transfers of 123460"),
        ("<NbOfTxs>2", "<NbOfTxs>3", "states 3 transfers"),
        ("0.05", "0.055", "expected whole cents"),
        ("0.05", "five", "is not a bank file"),
        ('Ccy="EUR">0.05', 'Ccy="USD">0.05', "expected EUR"),
        ("pain.001.001.09", "pain.001.001.03", "no CstmrCdtTrfInitn/GrpHdr"),
        ("EndToEndId>ALV-2021-02-00003</EndToEndId", "X>ALV-2021-02-00003</X", "no PmtId/EndToEndId"),
        ("2021-03-10", "2021-02-30", "is not a bank file"),
        ("</Document>", "", "is not a bank file"),
    ],
)
def test_a_changed_file_is_refused(path: Path, found: str, changed: str, message: str) -> None:
    assert found in BY_HAND
    path.write_text(BY_HAND.replace(found, changed, 1), encoding="ascii")
    with pytest.raises(BankFileError, match=re.escape(message)):
        read_bank_file(path)


def test_both_totals_are_read(path: Path) -> None:
    header, block = (match.start() for match in re.finditer("<NbOfTxs>2", BY_HAND))
    for at in (header, block):
        path.write_text(BY_HAND[:at] + "<NbOfTxs>1" + BY_HAND[at + len("<NbOfTxs>2") :], encoding="ascii")
        with pytest.raises(BankFileError, match="states 1 transfers"):
            read_bank_file(path)
