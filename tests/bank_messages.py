"""Composes the bank's answers as banks send them: camt.053, camt.054 and pain.002, in each version.

Written from the message definitions, without any code of the product. Amounts are texts, as in a file. Every message
validates against its XSD (tests/unit/payouts/test_bank_answers_oracle.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

OUR_ACCOUNT = "FR7630006000011234567890189"
ANNA, BOB = "FR1420041010050500013M02606", "DE89370400440532013000"
CAMT_VERSIONS = ("02", "04", "08", "14")
PAIN_VERSIONS = ("03", "10", "12", "14")
_PARTY_HAS_A_LEVEL_SINCE = 8


def tag(name: str, content: object) -> str:
    return "" if content in (None, "") else f"<{name}>{content}</{name}>"


def text(name: str, content: str | None) -> str:
    return tag(name, escape(content or ""))


def money(name: str, amount: str, currency: str = "EUR") -> str:
    return f'<{name} Ccy="{currency}">{amount}</{name}>'


@dataclass(frozen=True)
class Transfer:
    """One `TxDtls`. `sides` are (debtor name, debtor IBAN, creditor name, creditor IBAN), as the bank writes them."""

    amount: str | None = None
    end_to_end_id: str | None = None
    sides: tuple[str | None, str | None, str | None, str | None] = ("Allive SAS", OUR_ACCOUNT, None, None)
    currency: str = "EUR"
    direction: str = "DBIT"
    message_id: str | None = None
    payment_information_id: str | None = None
    reference: str | None = None
    is_returned: bool = False
    code: str | None = None
    own_code: str | None = None
    words: tuple[str, ...] = ()
    charges: tuple[tuple[str, str], ...] = ()
    """(amount, direction)"""
    ordered: str | None = None
    remittance: str | None = None

    def xml(self, version: str) -> str:
        is_old = version == "02"
        references = (
            text("MsgId", self.message_id)
            + text("AcctSvcrRef", self.reference)
            + text("PmtInfId", self.payment_information_id)
            + text("EndToEndId", self.end_to_end_id)
        )
        ordered = tag("InstdAmt", money("Amt", self.ordered)) if self.ordered else ""
        amounts = ""
        if self.amount is None:
            amounts = tag("AmtDtls", ordered)
        elif is_old:
            amounts = tag("AmtDtls", ordered + tag("TxAmt", money("Amt", self.amount, self.currency)))
        else:
            amounts = (
                money("Amt", self.amount, self.currency) + tag("CdtDbtInd", self.direction) + tag("AmtDtls", ordered)
            )
        reason = tag("Rsn", text("Cd", self.code) + text("Prtry", self.own_code))
        returned = reason + "".join(text("AddtlInf", word) for word in self.words)
        return tag(
            "TxDtls",
            tag("Refs", references)
            + amounts
            + charges_xml(self.charges, version)
            + tag("RltdPties", self._parties(version))
            + tag("RmtInf", text("Ustrd", self.remittance))
            + ((tag("RtrInf", returned) or "<RtrInf/>") if self.is_returned else ""),
        )

    def _parties(self, version: str) -> str:
        debtor, debtor_iban, creditor, creditor_iban = self.sides
        return "".join(
            tag(side, party(name, version)) + tag(f"{side}Acct", tag("Id", text("IBAN", iban)))
            for side, name, iban in (("Dbtr", debtor, debtor_iban), ("Cdtr", creditor, creditor_iban))
        )


def party(name: str | None, version: str) -> str:
    named = text("Nm", name)
    return tag("Pty", named) if int(version) >= _PARTY_HAS_A_LEVEL_SINCE else named


def charges_xml(charges: Iterable[tuple[str, str]], version: str) -> str:
    if version == "02":
        return "".join(
            tag("Chrgs", money("Amt", amount) + tag("CdtDbtInd", direction)) for amount, direction in charges
        )
    records = "".join(tag("Rcrd", money("Amt", amount) + tag("CdtDbtInd", way)) for amount, way in charges)
    return tag("Chrgs", records)


@dataclass(frozen=True)
class Entry:
    """One `Ntry`. `batch` is (message id, payment information id, number of transfers)."""

    amount: str
    direction: str
    transfers: Sequence[Transfer] = ()
    booked: str = "<Dt>2026-11-05</Dt>"
    currency: str = "EUR"
    status: str = "BOOK"
    is_reversal: bool = False
    reference: str | None = "BANK-1"
    family: str = "ICDT/ESCT"
    batch: tuple[str, str, int] | None = None
    charges: tuple[tuple[str, str], ...] = ()
    words: str | None = None

    def xml(self, version: str) -> str:
        family, sub_family = self.family.split("/")
        code = tag("Cd", "PMNT") + tag("Fmly", tag("Cd", family) + tag("SubFmlyCd", sub_family))
        batch = ""
        if self.batch:
            message_id, payment_information_id, number = self.batch
            batch = text("MsgId", message_id) + text("PmtInfId", payment_information_id) + tag("NbOfTxs", number)
        details = tag("Btch", batch) + "".join(transfer.xml(version) for transfer in self.transfers)
        return tag(
            "Ntry",
            money("Amt", self.amount, self.currency)
            + tag("CdtDbtInd", self.direction)
            + tag("RvslInd", "true" if self.is_reversal else "")
            + tag("Sts", tag("Cd", self.status) if int(version) >= _PARTY_HAS_A_LEVEL_SINCE else self.status)
            + tag("BookgDt", self.booked)
            + tag("ValDt", "<Dt>2026-11-06</Dt>")
            + text("AcctSvcrRef", self.reference)
            + tag("BkTxCd", tag("Domn", code))
            + charges_xml(self.charges, version)
            + tag("NtryDtls", details)
            + text("AddtlNtryInf", self.words),
        )


def document(message: str, content: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}">'
        f"{content}</Document>\n"
    ).encode()


def account_report(
    kind: str,
    version: str,
    entries: Sequence[Entry],
    *,
    balances: tuple[str, str] | None = ("1000.00", "898.50"),
    account: str = OUR_ACCOUNT,
    number: int = 211,
) -> bytes:
    """A camt.053 or camt.054 (`kind` "053" or "054"), of one account. A notification has no balances."""
    root, part = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}[kind]
    said = balances if kind == "053" and balances else ()
    content = tag(
        part,
        tag("Id", f"STMT-{number}")
        + tag("ElctrncSeqNb", number)
        + tag("CreDtTm", "2026-11-05T22:15:00")
        + tag("Acct", tag("Id", tag("IBAN", account)) + tag("Ccy", "EUR"))
        + "".join(balance(code, amount) for code, amount in zip(("OPBD", "CLBD"), said, strict=False))
        + "".join(entry.xml(version) for entry in entries),
    )
    header = tag("GrpHdr", tag("MsgId", f"CAMT{kind}-{number}") + tag("CreDtTm", "2026-11-05T22:15:00+01:00"))
    return document(f"camt.{kind}.001.{version}", tag(root, header + content))


def balance(code: str, amount: str) -> str:
    return tag(
        "Bal",
        tag("Tp", tag("CdOrPrtry", tag("Cd", code)))
        + money("Amt", amount.removeprefix("-"))
        + tag("CdtDbtInd", "DBIT" if amount.startswith("-") else "CRDT")
        + tag("Dt", tag("Dt", "2026-11-05")),
    )


@dataclass(frozen=True)
class Reported:
    """The status of one transfer. `reasons` are (code, own code, further words)."""

    end_to_end_id: str
    status: str | None
    reasons: Sequence[tuple[str | None, str | None, tuple[str, ...]]] = ()
    amount: str | None = None
    iban: str | None = None

    def xml(self) -> str:
        ordered = tag("Amt", money("InstdAmt", self.amount)) if self.amount else ""
        account = tag("CdtrAcct", tag("Id", text("IBAN", self.iban)))
        return tag(
            "TxInfAndSts",
            text("OrgnlEndToEndId", self.end_to_end_id)
            + tag("TxSts", self.status)
            + reasons_xml(self.reasons)
            + tag("OrgnlTxRef", ordered + account),
        )


def reasons_xml(reasons: Sequence[tuple[str | None, str | None, tuple[str, ...]]]) -> str:
    return "".join(
        tag(
            "StsRsnInf",
            tag("Rsn", text("Cd", code) + text("Prtry", own)) + "".join(text("AddtlInf", word) for word in words),
        )
        for code, own, words in reasons
    )


def status_report(
    version: str,
    *,
    group_status: str | None = None,
    group_reasons: Sequence[tuple[str | None, str | None, tuple[str, ...]]] = (),
    blocks: Sequence[tuple[str, str | None, Sequence[Reported]]] = (),
    order: str = "ALV-2026-10-1a2b3c",
) -> bytes:
    """A pain.002; `blocks` are (payment information id, status, transfers)."""
    group = tag(
        "OrgnlGrpInfAndSts",
        text("OrgnlMsgId", order)
        + tag("OrgnlMsgNmId", "pain.001.001.09")
        + tag("GrpSts", group_status)
        + reasons_xml(group_reasons),
    )
    reported = "".join(
        tag(
            "OrgnlPmtInfAndSts",
            text("OrgnlPmtInfId", block) + tag("PmtInfSts", status) + "".join(one.xml() for one in transfers),
        )
        for block, status, transfers in blocks
    )
    header = tag("GrpHdr", tag("MsgId", "PSR-77") + tag("CreDtTm", "2026-11-03T16:02:11Z"))
    return document(f"pain.002.001.{version}", tag("CstmrPmtStsRpt", header + group + reported))


ORDER = "ALV-2026-10-1a2b3c"
OF_ANNA = Transfer(
    amount="100.10",
    end_to_end_id="2026-10-a01",
    sides=("Allive SAS", OUR_ACCOUNT, "Anna Müller", ANNA),
    message_id=ORDER,
    payment_information_id=ORDER,
)
OF_BOB = Transfer(
    amount="50.20",
    end_to_end_id="2026-10-b02",
    sides=("Allive SAS", OUR_ACCOUNT, "Bob & Söhne", BOB),
    message_id=ORDER,
    payment_information_id=ORDER,
)
RETURN_OF_BOB = Transfer(
    amount="50.20",
    end_to_end_id="2026-10-b02",
    sides=("Allive SAS", OUR_ACCOUNT, "Bob & Söhne", BOB),
    direction="CRDT",
    is_returned=True,
    code="AC04",
    words=("COMPTE CLOS",),
)
BATCH = Entry(amount="150.30", direction="DBIT", transfers=(OF_ANNA, OF_BOB), batch=(ORDER, ORDER, 2))
RETURN = Entry(
    amount="50.20",
    direction="CRDT",
    transfers=(RETURN_OF_BOB,),
    booked="<Dt>2026-11-09</Dt>",
    reference="BANK-2",
    family="RCDT/RRTN",
)
FEE = Entry(amount="1.40", direction="DBIT", reference=None, family="OTHR/CHRG", words="FRAIS SUR VIREMENT REJETE")
DAY: Sequence[Entry] = (BATCH, RETURN, FEE)
"""Moves -150.30, +50.20 and -1.40: from 1,000.00 to 898.50."""
