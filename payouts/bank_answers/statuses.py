"""Reads customer payment status reports (pain.002): the statuses of our order, of its blocks and of its transfers."""

from collections.abc import Iterator

from allive.payouts.bank_answers.answers import BankAnswerError, ReasonList, Status, StatusLevel
from allive.payouts.bank_answers.stated_reasons import reason_of
from allive.payouts.bank_answers.xml_content import XmlElement, amount_of, cents_of, child, children, text_at
from allive.payouts.bank_details import electronic


def read_statuses(report: XmlElement) -> tuple[Status, ...]:
    """Read the statuses of a `CstmrPmtStsRpt` in the order of the file: group, then each block and its transfers.

    A level that the bank mentions without a status or reason has none, except a transfer, which is always kept.

    Raises:
        BankAnswerError: The report does not name the message that it answers.
    """
    group = child(report, "OrgnlGrpInfAndSts")
    message_id = text_at(group, "OrgnlMsgId")
    if group is None or message_id is None:
        raise BankAnswerError(
            "Found a status report without OrgnlMsgId, expected the id of the order. Ask the bank to correct the file."
        )
    return tuple(_statuses(report, group, message_id))


def _statuses(report: XmlElement, group: XmlElement, message_id: str) -> Iterator[Status]:
    yield from _said(_status(group, StatusLevel.GROUP, code_at="GrpSts", message_id=message_id))
    for block in children(report, "OrgnlPmtInfAndSts"):
        of_block = _status(block, StatusLevel.PAYMENT, code_at="PmtInfSts", message_id=message_id)
        yield from _said(of_block)
        for transfer in children(block, "TxInfAndSts"):
            yield _status(
                transfer,
                StatusLevel.TRANSACTION,
                code_at="TxSts",
                message_id=message_id,
                payment_information_id=of_block.payment_information_id,
            )


def _said(status: Status) -> Iterator[Status]:
    if status.code or status.reasons:
        yield status


def _status(
    element: XmlElement,
    level: StatusLevel,
    *,
    code_at: str,
    message_id: str,
    payment_information_id: str | None = None,
) -> Status:
    end_to_end_id = text_at(element, "OrgnlEndToEndId")
    reasons = (reason_of(found, ReasonList.STATUS) for found in children(element, "StsRsnInf"))
    ordered = child(element, "OrgnlTxRef/Amt/InstdAmt")
    where = f"the status of {end_to_end_id or level.value}"
    amount, currency = (None, None) if ordered is None else amount_of(ordered, where=where)
    iban = text_at(element, "OrgnlTxRef/CdtrAcct/Id/IBAN")
    return Status(
        level=level,
        original_message_id=message_id,
        payment_information_id=payment_information_id or text_at(element, "OrgnlPmtInfId"),
        end_to_end_id=end_to_end_id,
        code=text_at(element, code_at),
        reasons=tuple(reason for reason in reasons if reason is not None),
        cents=None if amount is None or currency is None else cents_of(amount, currency, where=where),
        currency=currency,
        creditor_iban=electronic(iban) if iban else None,
    )
