"""Reads one file from the bank: which message it is, and its content by that message's reader. Writes nothing."""

import hashlib
import re
from pathlib import Path
from typing import Final

from allive.payouts.bank_answers.answers import AnswerKind, BankAnswer, BankAnswerError
from allive.payouts.bank_answers.movements import read_statement
from allive.payouts.bank_answers.statuses import read_statuses
from allive.payouts.bank_answers.xml_content import XmlElement, children, read_bytes, root_element, text_at

_KINDS: Final = {
    "CstmrPmtStsRpt": AnswerKind.STATUS_REPORT,
    "BkToCstmrStmt": AnswerKind.STATEMENT,
    "BkToCstmrDbtCdtNtfctn": AnswerKind.NOTIFICATION,
}
_PARTS: Final = {AnswerKind.STATEMENT: "Stmt", AnswerKind.NOTIFICATION: "Ntfctn"}
_NOT_ANSWERS: Final = {
    "CstmrCdtTrfInitn": "an order (pain.001), which goes to the bank",
    "BkToCstmrAcctRpt": "a report within the day (camt.052), whose entries are not final",
    "RsltnOfInvstgtn": "the answer to a recall (camt.029), which a person reads",
}
_EXPECTED: Final = "a status report (pain.002), an account statement (camt.053) or a notification (camt.054)"
_MESSAGE_NAME: Final = re.compile(r"[a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2}")


def read_bank_answer(path: Path) -> BankAnswer:
    """Read a file from the bank.

    Raises:
        BankAnswerError: It is too large, has a DOCTYPE, is no XML, is another message, or has values that do not fit
            together. The message says what was found, what was expected and what to do.
        OSError: It cannot be opened.
    """
    return parse_bank_answer(read_bytes(path), name=path.name)


def parse_bank_answer(content: bytes, *, name: str) -> BankAnswer:
    """Read the bytes of a file from the bank; `name` is for messages only.

    Raises:
        BankAnswerError: As for `read_bank_answer`.
    """
    _, message = document_and_message(root_element(content, name=name), name=name)
    kind = _KINDS[_local(message)]
    try:
        return BankAnswer(
            kind=kind,
            message_name=message_name(message),
            message_id=_header(message, "GrpHdr/MsgId"),
            created_at=_header(message, "GrpHdr/CreDtTm"),
            sha256=hashlib.sha256(content).hexdigest(),
            statements=tuple(read_statement(part) for part in children(message, _PARTS.get(kind, "none"))),
            statuses=read_statuses(message) if kind is AnswerKind.STATUS_REPORT else (),
        )
    except BankAnswerError as error:
        raise BankAnswerError(f"{name}, {error}") from error


def document_and_message(root: XmlElement, *, name: str) -> tuple[XmlElement, XmlElement]:
    """Return the `Document` and the message in it. The document may itself be in an envelope.

    Raises:
        BankAnswerError: There is not exactly one message, or it is none that a bank answers an order with.
    """
    documents = [root] if _local(root) == "Document" else children(root, "Document")
    messages = [(document, message) for document in documents for message in document]
    if len(messages) != 1:
        raise BankAnswerError(
            f"{name}: found {len(messages)} messages below {_local(root)[:60]}, expected {_EXPECTED}. "
            "Choose the file that the bank sent."
        )
    found = _local(messages[0][1])
    if found not in _KINDS:
        raise BankAnswerError(
            f"{name}: found {_NOT_ANSWERS.get(found, f'the message {found[:60]}')}, expected {_EXPECTED}. "
            "Choose the file that the bank sent."
        )
    return messages[0]


def message_name(message: XmlElement) -> str | None:
    """Return the message's name with its version (`camt.053.001.08`), from the end of its namespace."""
    namespace = message.tag.rpartition("}")[0]
    found = _MESSAGE_NAME.search(namespace)
    return found[0] if found else None


def _header(message: XmlElement, path: str) -> str:
    found = text_at(message, path)
    if found is None:
        raise BankAnswerError(f"found no {path}, expected one. Ask the bank to correct the file.")
    return found


def _local(element: XmlElement) -> str:
    local: str = element.tag.rpartition("}")[2]
    return local
