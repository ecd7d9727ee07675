"""Reads the reason of a return or of a status: both have the same shape in every version."""

from allive.payouts.bank_answers.answers import Reason, ReasonList
from allive.payouts.bank_answers.xml_content import XmlElement, text_at, texts_at


def reason_of(element: XmlElement, reason_list: ReasonList) -> Reason | None:
    """Return the code and all words of a `RtrInf` or `StsRsnInf`; None if it has neither. No code is refused."""
    code, own_code = text_at(element, "Rsn/Cd"), text_at(element, "Rsn/Prtry")
    text = " ".join(texts_at(element, "AddtlInf"))
    if not (code or own_code or text):
        return None
    return Reason(reason_list, code or own_code, is_proprietary=code is None and own_code is not None, text=text)
