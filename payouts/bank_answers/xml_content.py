"""From the bytes of a file to its elements, safely: limits first, no DOCTYPE, no entities. Knows no message.

Elements are found by their local names, because each version of a message has its own namespace and is otherwise read
in the same way.
"""

import codecs
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from allive.payouts.bank_answers.answers import EURO, BankAnswerError

if TYPE_CHECKING:
    XmlElement = ET.Element[Any]
else:  # only checkers know its parameter
    XmlElement = ET.Element

LARGEST_BYTES: Final = 50 * 1024 * 1024
"""A day of 30,000 transfers has about 40 MB. Larger files could fill the memory."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS: Final = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}
_AMOUNT: Final = re.compile(r"\+?(?=\.?[0-9])[0-9]{0,18}(\.[0-9]{0,5})?")
_CENTS: Final = 100


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        BankAnswerError: It is larger than `LARGEST_BYTES`. No more than that is read.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise BankAnswerError(
            f"{path.name} is larger than {LARGEST_BYTES} bytes, expected the bank's answer to one day of orders. "
            "Ask the bank for smaller files, or look where this one is from."
        )
    return content


def root_element(content: bytes, *, name: str) -> XmlElement:
    """Return the root of an XML document without a DOCTYPE.

    A DOCTYPE can define entities, which fetch other files or grow without end; no bank answer has one. It is looked for
    in the decoded text, and that text is parsed, so no second encoding can hide it.

    Raises:
        BankAnswerError: It is larger than `LARGEST_BYTES`, has a DOCTYPE or another encoding, or is no XML.
    """
    if len(content) > LARGEST_BYTES:
        raise BankAnswerError(
            f"{name} has {len(content)} bytes, expected at most {LARGEST_BYTES}. Ask for smaller files."
        )
    text = _decoded(content, name=name)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BankAnswerError(
            f"{name} has a DOCTYPE, expected a message without one. It was not parsed: no bank sends such a file. "
            "Find out where it is from."
        )
    try:
        return ET.fromstring(text)  # noqa: S314 - without a DOCTYPE there are no entities to expand
    except ET.ParseError as error:
        raise BankAnswerError(f"{name} is no XML: {error}. Fetch it from the bank once more.") from error


def children(element: XmlElement | None, path: str) -> list[XmlElement]:
    """Return the elements at a path of local names (`Refs/EndToEndId`), in order; none below no element."""
    return [] if element is None else element.findall("/".join(f"{{*}}{local}" for local in path.split("/")))


def child(element: XmlElement | None, *paths: str) -> XmlElement | None:
    """Return the first element at the first path that has one."""
    return next((found for path in paths for found in children(element, path)), None)


def text_at(element: XmlElement | None, *paths: str) -> str | None:
    """Return the first text that is not blank, at the first path that has one; runs of blanks become one blank."""
    return next(texts_at(element, *paths), None)


def texts_at(element: XmlElement | None, *paths: str) -> Iterator[str]:
    """Yield the texts that are not blank, path by path."""
    for path in paths:
        for found in children(element, path):
            text = " ".join((found.text or "").split())
            if text:
                yield text


def amount_of(element: XmlElement, *, where: str) -> tuple[Decimal, str]:
    """Return an amount, never negative, and its currency.

    Raises:
        BankAnswerError: The text is no amount as ISO 20022 writes it, or has no currency.
    """
    text, currency = (element.text or "").strip(), (element.get("Ccy") or "").strip()
    if not _AMOUNT.fullmatch(text) or not currency:
        raise BankAnswerError(
            f"{where}: found the amount {text[:40]!r} {currency[:10]}, expected digits with a point and a currency. "
            "Ask the bank to correct the file."
        )
    return Decimal(text), currency


def cents_of(amount: Decimal, currency: str, *, where: str) -> int:
    """Return hundredths. Finer parts are refused in euros and cut off in other currencies, which are only shown.

    Raises:
        BankAnswerError: An amount in euros has a fraction of a cent.
    """
    hundredths = amount * _CENTS
    if currency == EURO and hundredths != int(hundredths):
        raise BankAnswerError(f"{where}: found {amount} EUR, expected whole cents. Ask the bank to correct the file.")
    return int(hundredths)


def _decoded(content: bytes, *, name: str) -> str:
    encoding = next((marked for mark, marked in _MARKS if content.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.match(content)
        encoding = declared[1].decode() if declared else "utf-8"
        if _python_name(encoding) not in _ENCODINGS:
            raise BankAnswerError(
                f"{name} is encoded in {encoding}, expected UTF-8. Convert it or ask the bank for UTF-8."
            )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BankAnswerError(
            f"{name} is not valid {encoding}: {error.reason}. Fetch it from the bank once more."
        ) from error


def _python_name(encoding: str) -> str | None:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None
