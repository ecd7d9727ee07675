"""The bank's answers to our orders: status reports (pain.002), statements (camt.053), notifications (camt.054).

Pure reading: files become plain values, codes become words. Which payment an answer is about is decided elsewhere.
"""

from allive.payouts.bank_answers.answers import (
    AnswerKind,
    Balance,
    BankAnswer,
    BankAnswerError,
    Direction,
    Movement,
    Reason,
    ReasonList,
    Statement,
    Status,
    StatusLevel,
)
from allive.payouts.bank_answers.reading import parse_bank_answer, read_bank_answer
from allive.payouts.bank_answers.reason_codes import Meaning, ReasonClass, meaning_of
from allive.payouts.bank_answers.schema_check import schema_findings
from allive.payouts.bank_answers.status_codes import StatusClass, StatusMeaning, status_meaning

__all__ = [
    "AnswerKind",
    "Balance",
    "BankAnswer",
    "BankAnswerError",
    "Direction",
    "Meaning",
    "Movement",
    "Reason",
    "ReasonClass",
    "ReasonList",
    "Statement",
    "Status",
    "StatusClass",
    "StatusLevel",
    "StatusMeaning",
    "meaning_of",
    "parse_bank_answer",
    "read_bank_answer",
    "schema_findings",
    "status_meaning",
]
