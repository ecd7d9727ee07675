"""Composes and reads bank files: SEPA credit transfers as ISO 20022 pain.001.001.09.

sepaxml composes the message. This module fixes the values that sepaxml takes from the clock or at random, and refuses a
message that does not validate against the XSD or reads back differently. Payees and amounts are decided elsewhere.
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sepaxml import SepaTransfer  # type: ignore[import-untyped]

from allive.payouts.bank_details import bic_for, electronic, is_payable_iban, masked
from allive.payouts.payer import Payer
from allive.payouts.sepa_text import country_code, is_sendable_address, to_sepa

if TYPE_CHECKING:
    from xmlschema import XMLSchema

SCHEMA: Final = "pain.001.001.09"
_NAMESPACES: Final = {"": f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"}
_MAX_AMOUNT_CENTS: Final = 99_999_999_999
"""The most that one SEPA credit transfer can carry: 999,999,999.99 EUR."""


class BankFileError(RuntimeError):
    """A bank file cannot be written, or its content is wrong. It must not go to a bank."""


@dataclass(frozen=True)
class Transfer:
    """One payment to one artist. Texts are as delivered; the end-to-end id is the statement's number.

    The name is that of the account's holder: banks compare it with the IBAN before they execute. An address is sent
    only with a town and a valid country, because banks refuse incomplete ones, and a BIC only if it fits the IBAN.
    """

    end_to_end_id: str
    artist_id: str
    name: str | None
    iban: str
    bic: str | None
    street: str | None
    postcode: str | None
    town: str | None
    country: str | None
    amount_cents: int


@dataclass(frozen=True)
class BankedTransfer:
    """One payment as read from a bank file."""

    end_to_end_id: str
    amount_cents: int
    iban: str
    name: str


@dataclass(frozen=True)
class BankFile:
    """A bank file as read. Its stated totals match its transfers."""

    message_id: str
    payment_date: date
    number_of_transfers: int
    control_sum_cents: int
    transfers: tuple[BankedTransfer, ...]


def compose_bank_file(
    transfers: Sequence[Transfer],
    *,
    payer: Payer,
    message_id: str,
    requested_on: date,
    created_on: date,
) -> bytes:
    """Return one message with the transfers in order. The same input gives the same bytes.

    Raises:
        BankFileError: There is no transfer, an account cannot be paid, an amount is out of bounds, an artist or an
            end-to-end id appears twice, or the message does not validate or reads back differently.
    """
    refusals = list(_refusals(transfers))
    if refusals:
        raise BankFileError(f"{message_id} cannot be written: " + " ".join(refusals))
    content = _pin(
        _compose(transfers, payer=payer, payment_date=requested_on),
        message_id=message_id,
        created_at=f"{created_on.isoformat()}T00:00:00",
    )
    _validate(content, name=message_id)
    bank_file = parse_bank_file(content, name=message_id)
    if bank_file.transfers != tuple(_as_banked(transfer) for transfer in transfers):
        raise BankFileError(
            f"{message_id} reads back differently: expected {len(transfers)} transfers of "
            f"{sum(transfer.amount_cents for transfer in transfers)} cents, found {bank_file.number_of_transfers} of "
            f"{bank_file.control_sum_cents}, or other transfers. It was not written; report this."
        )
    return content


def read_bank_file(path: Path) -> BankFile:
    """Read a bank file back, without the library that wrote it.

    Raises:
        BankFileError: It is not such a file, or its stated totals do not match its transfers.
    """
    return parse_bank_file(path.read_bytes(), name=path.name)


def _refusals(transfers: Sequence[Transfer]) -> Iterator[str]:
    if not transfers:
        yield "It has no transfer; a month that pays no one has no bank file."
    for transfer in transfers:
        if not is_payable_iban(transfer.iban):
            yield (
                f"Artist {transfer.artist_id}: found IBAN {masked(transfer.iban)}, expected an account that SEPA "
                "reaches; carry the amount until it is corrected."
            )
        if not 0 < transfer.amount_cents <= _MAX_AMOUNT_CENTS:
            yield (
                f"Artist {transfer.artist_id}: found {transfer.amount_cents} cents, "
                f"expected between 1 and {_MAX_AMOUNT_CENTS}."
            )
    for what, values in (
        ("artist", [transfer.artist_id for transfer in transfers]),
        ("end-to-end id", [transfer.end_to_end_id for transfer in transfers]),
    ):
        for value, times in Counter(values).items():
            if times > 1:
                yield f"The {what} {value} appears {times} times, expected once."


def _compose(transfers: Sequence[Transfer], *, payer: Payer, payment_date: date) -> bytes:
    message = SepaTransfer(
        {
            "name": to_sepa(payer.name, max_length=70),
            "IBAN": payer.iban,
            "BIC": payer.bic,
            "address": _address(payer),
            "currency": "EUR",
            "batch": True,
        },
        schema=SCHEMA,
        clean=False,  # cleaning would transliterate names but leave & and < in them
    )
    for transfer in transfers:
        message.add_payment(
            {
                "name": _creditor_name(transfer),
                "IBAN": electronic(transfer.iban),
                **({"BIC": bic} if (bic := bic_for(transfer.iban, transfer.bic)) else {}),
                "address": _address(transfer),
                "amount": transfer.amount_cents,
                "execution_date": payment_date,
                "description": to_sepa(f"Allive relevé {transfer.end_to_end_id}", max_length=140),
                "endtoend_id": transfer.end_to_end_id,
            }
        )
    content: bytes = message.export(validate=False)
    return content


def _creditor_name(transfer: Transfer) -> str:
    # A name made only of emoji becomes empty, and banks refuse an empty name.
    return (
        to_sepa(transfer.name, max_length=70)
        or to_sepa(transfer.artist_id, max_length=70)
        or to_sepa(transfer.end_to_end_id, max_length=70)
    )


def _address(party: Payer | Transfer) -> dict[str, str]:
    if not is_sendable_address(party.town, party.country):
        return {}
    return {
        "street_name": to_sepa(party.street, max_length=70),
        "postcode": to_sepa(party.postcode, max_length=16),
        "town": to_sepa(party.town, max_length=35),
        "country": country_code(party.country) or "",
    }


def _pin(content: bytes, *, message_id: str, created_at: str) -> bytes:
    # sepaxml takes these three from the clock or at random, and has no parameter for them.
    root = ET.fromstring(content)  # noqa: S314 - we just wrote it
    for path, value in (
        ("CstmrCdtTrfInitn/GrpHdr/MsgId", message_id),
        ("CstmrCdtTrfInitn/GrpHdr/CreDtTm", created_at),
        ("CstmrCdtTrfInitn/PmtInf/PmtInfId", message_id),
    ):
        _element(root, path).text = value
    ET.register_namespace("", _NAMESPACES[""])
    ET.indent(root)
    pinned: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return pinned + b"\n"


def _validate(content: bytes, *, name: str) -> None:
    error = next(_schema().iter_errors(content.decode()), None)
    if error is not None:
        raise BankFileError(
            f"{name} does not validate against {SCHEMA}: {error.reason} at {error.path}. "
            "It was not written; correct the artist's or the payer's details."
        )


@cache
def _schema() -> "XMLSchema":
    from xmlschema import XMLSchema  # noqa: PLC0415 - 0.4 s to import, and only an order needs it

    return XMLSchema(str(files("sepaxml") / "schemas" / f"{SCHEMA}.xsd"))


def parse_bank_file(content: bytes, *, name: str) -> BankFile:
    """Read the content of a bank file.

    Raises:
        BankFileError: It is no such content, or its stated totals do not match its transfers.
    """
    try:
        # The parser fetches nothing, and expat limits the expansion of entities.
        root = ET.fromstring(content)  # noqa: S314
        header = _element(root, "CstmrCdtTrfInitn/GrpHdr")
        (block,) = root.findall("CstmrCdtTrfInitn/PmtInf", _NAMESPACES)
        transfers = tuple(_parse_transfer(element) for element in block.findall("CdtTrfTxInf", _NAMESPACES))
        bank_file = BankFile(
            message_id=_text(header, "MsgId"),
            payment_date=date.fromisoformat(_text(block, "ReqdExctnDt/Dt")),
            number_of_transfers=len(transfers),
            control_sum_cents=sum(transfer.amount_cents for transfer in transfers),
            transfers=transfers,
        )
        stated = [(int(_text(part, "NbOfTxs")), _cents(_text(part, "CtrlSum"))) for part in (header, block)]
    except (ET.ParseError, ValueError, ArithmeticError) as error:
        raise BankFileError(f"{name} is not a bank file of one {SCHEMA} block: {error}.") from error
    for number, cents in stated:
        if (number, cents) != (bank_file.number_of_transfers, bank_file.control_sum_cents):
            raise BankFileError(
                f"{name} states {number} transfers of {cents} cents and holds {bank_file.number_of_transfers} of "
                f"{bank_file.control_sum_cents}. It must not go to a bank; look at `allive verify`."
            )
    return bank_file


def _parse_transfer(element: "ET.Element[Any]") -> BankedTransfer:
    amount = _element(element, "Amt/InstdAmt")
    if amount.get("Ccy") != "EUR":
        raise ValueError(f"an amount in {amount.get('Ccy')}, expected EUR")
    return BankedTransfer(
        end_to_end_id=_text(element, "PmtId/EndToEndId"),
        amount_cents=_cents(_text(element, "Amt/InstdAmt")),
        iban=_text(element, "CdtrAcct/Id/IBAN"),
        name=_text(element, "Cdtr/Nm"),
    )


def _as_banked(transfer: Transfer) -> BankedTransfer:
    return BankedTransfer(
        end_to_end_id=transfer.end_to_end_id,
        amount_cents=transfer.amount_cents,
        iban=electronic(transfer.iban),
        name=_creditor_name(transfer),
    )


def _cents(text: str) -> int:
    cents = Decimal(text) * 100
    if cents != int(cents):
        raise ValueError(f"an amount of {text} EUR, expected whole cents")
    return int(cents)


def _text(parent: "ET.Element[Any]", path: str) -> str:
    return _element(parent, path).text or ""


def _element(parent: "ET.Element[Any]", path: str) -> "ET.Element[Any]":
    element = parent.find(path, _NAMESPACES)
    if element is None:
        raise ValueError(f"no {path} in {parent.tag.rpartition('}')[2]}")
    return element
