"""Reasons that a person gives in words, often with the bank's code in front: `AC04 account closed`."""

import re

from allive.payouts.bank_answers import ReasonClass, ReasonList
from allive.payouts.bank_answers.reason_codes import MEANINGS
from allive.payouts.payments.facts import BankReason

_CODE_FIRST = re.compile(r"\s*([A-Z]{2}[A-Z0-9]{2})\b[\s:,-]*")


def reason_in_words(why: str, reason_list: ReasonList = ReasonList.RETURN) -> BankReason:
    """Return the reason: the code that the words begin with, if it is one, and the words.

    >>> reason_in_words("AC04 account closed")
    BankReason(code='AC04', reason_list=<ReasonList.RETURN: 'return'>, is_proprietary=False, text='account closed')
    >>> reason_in_words("account closed").code is None
    True
    """
    found = _CODE_FIRST.match(why)
    if found is not None and found[1] in MEANINGS[reason_list]:
        return BankReason(code=found[1], reason_list=reason_list, text=why[found.end() :].strip())
    return BankReason(reason_list=reason_list, text=why.strip())


def sets_aside(reason: BankReason | None) -> bool:
    """Whether a rejection is about the account, so that its IBAN is set aside."""
    return reason is not None and reason.meaning.reason_class is ReasonClass.QUARANTINE
