"""Reads account statements (camt.053) and notifications (camt.054): one `Movement` per booked transfer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from allive.ingestion.paris_days import PARIS
from allive.payouts.bank_answers.answers import (
    Balance,
    BankAnswerError,
    Direction,
    Movement,
    ReasonList,
    Statement,
)
from allive.payouts.bank_answers.stated_reasons import reason_of
from allive.payouts.bank_answers.xml_content import XmlElement, amount_of, cents_of, child, children, text_at, texts_at
from allive.payouts.bank_details import electronic

_BOOKED: Final = "BOOK"
_NO_ID: Final = "NOTPROVIDED"
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True)
class _Entry:
    """The values that all transfers of an entry share. `where` names it in errors."""

    element: XmlElement
    account: str
    where: str
    direction: Direction
    amount: Decimal
    currency: str
    booked_on: date
    is_reversal: bool


@dataclass(frozen=True)
class _Transfer:
    """One transfer of an entry and the part of the entry that it is in; no `element` if the bank did not split it."""

    part: XmlElement | None
    element: XmlElement | None


def read_statement(element: XmlElement) -> Statement:
    """Read one `Stmt` or `Ntfctn`. Entries that are not booked are counted and left out.

    Raises:
        BankAnswerError: A required value is missing or wrong, or the transfers of an entry do not add up to it.
    """
    account = _account(element)
    entries = list(enumerate(children(element, "Ntry"), start=1))
    booked = [(position, entry) for position, entry in entries if text_at(entry, "Sts/Cd", "Sts") == _BOOKED]
    return Statement(
        account=account,
        statement_id=text_at(element, "Id") or "",
        number=_number(text_at(element, "ElctrncSeqNb", "LglSeqNb")),
        opening=_balance(element, "OPBD", "PRCD"),
        closing=_balance(element, "CLBD"),
        movements=tuple(
            movement
            for position, entry in booked
            for movement in _movements(_entry(entry, account=account, position=position))
        ),
        not_booked=len(entries) - len(booked),
    )


def _entry(element: XmlElement, *, account: str, position: int) -> _Entry:
    reference = text_at(element, "AcctSvcrRef", "NtryRef")
    where = f"entry {position}" + (f" ({reference[:40]})" if reference else "")
    amount, currency = amount_of(_required(element, "Amt", where=where), where=where)
    return _Entry(
        element=element,
        account=account,
        where=where,
        direction=_direction(_required(element, "CdtDbtInd", where=where), where=where),
        amount=amount,
        currency=currency,
        booked_on=_day(_required(element, "BookgDt", "ValDt", where=where), where=where),
        is_reversal=text_at(element, "RvslInd") in {"true", "1"},
    )


def _movements(entry: _Entry) -> Iterator[Movement]:
    details = children(entry.element, "NtryDtls")
    transfers = [_Transfer(part, transfer) for part in details for transfer in children(part, "TxDtls")]
    if not transfers:
        # Without transfers, only the order's own id can be matched, and two parts would have two.
        transfers = [_Transfer(details[0] if len(details) == 1 else None, None)]
    amounts = _amounts(entry, transfers)
    charges = [_charges_cents(transfer.element, entry=entry) for transfer in transfers]
    if not any(charges):
        charges[0] = _charges_cents(entry.element, entry=entry)
    for transfer, (amount, direction), charges_cents in zip(transfers, amounts, charges, strict=True):
        yield _movement(entry, transfer, amount=amount, direction=direction, charges_cents=charges_cents)


def _amounts(entry: _Entry, transfers: Sequence[_Transfer]) -> list[tuple[Decimal, Direction]]:
    """Return each transfer's amount and direction.

    Raises:
        BankAnswerError: A transfer of several has no amount in the entry's currency, or the sum is not the entry's.
    """
    directions = [
        entry.direction if said is None else _direction(said, where=entry.where)
        for said in (child(transfer.element, "CdtDbtInd") for transfer in transfers)
    ]
    stated = [_stated_amount(entry, transfer, is_only=len(transfers) == 1) for transfer in transfers]
    if stated == [None]:
        return [(entry.amount, entry.direction)]
    amounts = [amount for amount in stated if amount is not None]
    signed = [
        amount if direction is entry.direction else -amount
        for amount, direction in zip(amounts, directions, strict=False)
    ]
    if len(amounts) < len(transfers) or sum(signed) != entry.amount:
        raise BankAnswerError(
            f"{entry.where}: found {len(amounts)} of {len(transfers)} transfers with an amount in {entry.currency}, "
            f"together {sum(signed)}; expected {entry.amount}. Nothing of the file was read: ask the bank for one in "
            "which the transfers of an entry add up to it."
        )
    return list(zip(amounts, directions, strict=True))


def _stated_amount(entry: _Entry, transfer: _Transfer, *, is_only: bool) -> Decimal | None:
    """Return the transfer's own amount in the entry's currency, or None.

    The amount as ordered can differ from the amount booked, so it only helps to split an entry: the sum proves it.
    """
    paths = ("Amt", "AmtDtls/TxAmt/Amt") if is_only else ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
    for path in paths:
        for element in children(transfer.element, path):
            amount, currency = amount_of(element, where=entry.where)
            if currency == entry.currency:
                return amount
    return None


def _movement(
    entry: _Entry, transfer: _Transfer, *, amount: Decimal, direction: Direction, charges_cents: int
) -> Movement:
    element, batch = transfer.element, child(transfer.part, "Btch")
    returned = child(element, "RtrInf")
    is_return = returned is not None and direction is Direction.CREDIT
    iban, name = _counterparty(
        child(element, "RltdPties"),
        account=entry.account,
        direction=direction,
        can_be_swapped=is_return or entry.is_reversal,
    )
    return Movement(
        account=entry.account,
        direction=direction,
        booked_on=entry.booked_on,
        cents=cents_of(amount, entry.currency, where=entry.where),
        currency=entry.currency,
        end_to_end_id=_id(element, "Refs/EndToEndId"),
        message_id=_id(element, "Refs/MsgId") or _id(batch, "MsgId"),
        payment_information_id=_id(element, "Refs/PmtInfId") or _id(batch, "PmtInfId"),
        bank_reference=_id(element, "Refs/AcctSvcrRef") or _id(entry.element, "AcctSvcrRef"),
        counterparty_iban=iban,
        counterparty_name=name,
        is_return=is_return,
        reason=None if returned is None else reason_of(returned, ReasonList.RETURN),
        charges_cents=charges_cents,
        is_reversal=entry.is_reversal,
        transaction_code=_transaction_code(element) or _transaction_code(entry.element),
        transfers_in_it=_number(text_at(batch, "NbOfTxs")) if element is None else None,
        text=_words(element) or text_at(entry.element, "AddtlNtryInf") or "",
    )


def _counterparty(
    parties: XmlElement | None, *, account: str, direction: Direction, can_be_swapped: bool
) -> tuple[str | None, str | None]:
    """Return IBAN and name of the side that is not our account.

    In a return or reversal, some banks write the sides as in the order and some swap them. So the side with an IBAN
    other than ours comes first there.
    """
    is_ordered = direction is Direction.DEBIT
    sides = ("Cdtr", "Dbtr") if is_ordered or can_be_swapped else ("Dbtr", "Cdtr")
    found = [_side(parties, side) for side in (sides[:1] if is_ordered and not can_be_swapped else sides)]
    others = [(iban, name) for iban, name in found if (iban or name) and iban != account]
    if can_be_swapped:
        others.sort(key=lambda other: other[0] is None)
    return others[0] if others else (None, None)


def _side(parties: XmlElement | None, side: str) -> tuple[str | None, str | None]:
    iban = text_at(parties, f"{side}Acct/Id/IBAN")
    name = text_at(parties, f"{side}/Nm", f"{side}/Pty/Nm", f"{side}/Agt/FinInstnId/Nm")
    return electronic(iban) if iban else None, name


def _charges_cents(element: XmlElement | None, *, entry: _Entry) -> int:
    """Return the charges in the entry's currency; 0 if there are none.

    Up to version 2 each charge is an element of its own. Later ones have records below one element.
    """
    records = [
        record for path in ("Chrgs", "Chrgs/Rcrd") for record in children(element, path) if children(record, "Amt")
    ]
    amounts = [(record, amount) for record in records for amount in children(record, "Amt")]
    if not amounts:
        amounts = [
            (charge, total) for charge in children(element, "Chrgs") for total in children(charge, "TtlChrgsAndTaxAmt")
        ]
    cents = 0
    for record, amount_element in amounts:
        amount, currency = amount_of(amount_element, where=entry.where)
        if currency == entry.currency:
            sign = -1 if text_at(record, "CdtDbtInd") == Direction.CREDIT else 1
            cents += sign * cents_of(amount, currency, where=entry.where)
    return cents


def _balance(element: XmlElement, *codes: str) -> Balance | None:
    by_code = {text_at(balance, "Tp/CdOrPrtry/Cd"): balance for balance in reversed(children(element, "Bal"))}
    found = next((by_code[code] for code in codes if code in by_code), None)
    if found is None:
        return None
    where = f"balance {text_at(found, 'Tp/CdOrPrtry/Cd')}"
    amount, currency = amount_of(_required(found, "Amt", where=where), where=where)
    cents = cents_of(amount, currency, where=where)
    is_credit = _direction(_required(found, "CdtDbtInd", where=where), where=where) is Direction.CREDIT
    return Balance(
        cents=cents if is_credit else -cents,
        currency=currency,
        on=_day(_required(found, "Dt", where=where), where=where),
    )


def _account(element: XmlElement) -> str:
    iban = text_at(element, "Acct/Id/IBAN")
    account = electronic(iban) if iban else text_at(element, "Acct/Id/Othr/Id")
    if account is None:
        raise BankAnswerError(
            "Found a statement without an account, expected its IBAN. Ask the bank to correct the file."
        )
    return account


def _direction(element: XmlElement, *, where: str) -> Direction:
    text = (element.text or "").strip()
    try:
        return Direction(text)
    except ValueError:
        raise BankAnswerError(
            f"{where}: found the direction {text[:10]!r}, expected CRDT or DBIT. Ask the bank to correct the file."
        ) from None


def _day(element: XmlElement, *, where: str) -> date:
    """Return the day of a `Dt`, or the Paris day of a `DtTm`; without an offset, its time is the bank's own."""
    text = text_at(element, "Dt", "DtTm") or ""
    try:
        if child(element, "DtTm") is None:
            return date.fromisoformat(text[: len("2026-11-05")])  # a date may have an offset, too
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BankAnswerError(
            f"{where}: found the date {text[:40]!r}, expected one like 2026-11-05. Ask the bank to correct the file."
        ) from None
    return (instant.astimezone(PARIS) if instant.tzinfo else instant).date()


def _required(element: XmlElement, *paths: str, where: str) -> XmlElement:
    found = child(element, *paths)
    if found is None:
        raise BankAnswerError(f"{where}: found no {paths[0]}, expected one. Ask the bank to correct the file.")
    return found


def _id(element: XmlElement | None, path: str) -> str | None:
    found = text_at(element, path)
    return None if found == _NO_ID else found


def _transaction_code(element: XmlElement | None) -> str | None:
    codes = texts_at(child(element, "BkTxCd"), "Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd")
    return "/".join(codes) or text_at(element, "BkTxCd/Prtry/Cd")


def _words(element: XmlElement | None) -> str:
    return (
        " ".join(texts_at(element, "RmtInf/Ustrd"))
        or text_at(element, "RmtInf/Strd/CdtrRefInf/Ref", "AddtlTxInf")
        or ""
    )


def _number(text: str | None) -> int | None:
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if text is not None and is_number else None
