"""The bank's answers as plain values: one file, its statements and their movements, or the statuses of our orders.

Nothing here decides what a movement or a status means for a payment. Texts are as the bank wrote them, without the
blanks around them.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

EURO: Final = "EUR"


class BankAnswerError(ValueError):
    """A file is no bank answer that can be read safely. Nothing of it may be imported."""


class AnswerKind(StrEnum):
    """The ISO 20022 message that a bank answers with."""

    STATUS_REPORT = "pain.002"
    STATEMENT = "camt.053"
    NOTIFICATION = "camt.054"


class Direction(StrEnum):
    """Whether money left the account or came in, as ISO 20022 writes it."""

    DEBIT = "DBIT"
    CREDIT = "CRDT"


class ReasonList(StrEnum):
    """The list that a reason code is from. One code can mean different things in two lists."""

    RETURN = "return"
    STATUS = "status"
    CANCELLATION = "cancellation"


class StatusLevel(StrEnum):
    """The part of our order that a status is about: the whole message, one block of it, or one transfer."""

    GROUP = "group"
    PAYMENT = "payment"
    TRANSACTION = "transaction"


@dataclass(frozen=True)
class Reason:
    """Why a transfer was returned or has its status.

    Attributes:
        code: An ISO code, or the bank's own text if `is_proprietary`; None if the bank gave only a text.
        text: The bank's further words, of any length; empty if there are none.
    """

    reason_list: ReasonList
    code: str | None
    is_proprietary: bool
    text: str


@dataclass(frozen=True)
class Balance:
    """A balance of an account, in hundredths of its currency; negative if the account is overdrawn."""

    cents: int
    currency: str
    on: date


@dataclass(frozen=True)
class Movement:
    """Money that was booked on the account: one transfer, or a whole entry that the bank did not split.

    Attributes:
        account: IBAN of the account that it was booked on, or the bank's own number of it.
        cents: Hundredths of `currency`, never negative; `direction` says which way. Exact in euros. Other currencies
            are kept to be shown: what is finer than a hundredth is cut off.
        end_to_end_id: As in our order; None if the bank names none (`NOTPROVIDED` counts as none).
        message_id: Of the order that it answers.
        payment_information_id: Of the order's block.
        bank_reference: The bank's own (`AcctSvcrRef`), of the transfer or else of its entry. Transfers of one entry can
            share it, and a statement can have another than the notification before it.
        counterparty_iban: Of the other side. The bank may write the sides of a return as in the order, or swapped; the
            side that is not our account is taken.
        is_return: A credit with return information. A credit that only has one of our end-to-end ids can be a return,
            too: the bank's transaction code is not reliable.
        charges_cents: Charges that the bank states with it, in `currency`; negative if it gives charges back.
            They may be part of `cents` or an entry of their own.
        is_reversal: The bank corrects an entry of its own.
        transaction_code: The bank's domain, family and sub-family codes (`PMNT/RCDT/RRTN`), or its own code.
        transfers_in_it: Number of transfers of an entry that the bank did not split; None for a single transfer.
        text: The payer's words, else the bank's words about it.
    """

    account: str
    direction: Direction
    booked_on: date
    cents: int
    currency: str
    end_to_end_id: str | None
    message_id: str | None
    payment_information_id: str | None
    bank_reference: str | None
    counterparty_iban: str | None
    counterparty_name: str | None
    is_return: bool
    reason: Reason | None
    charges_cents: int
    is_reversal: bool
    transaction_code: str | None
    transfers_in_it: int | None
    text: str

    @property
    def is_euro(self) -> bool:
        """Whether the amount is in euros: movements in other currencies are shown, never matched."""
        return self.currency == EURO

    @property
    def key(self) -> tuple[str, ...]:
        """Return the values that identify it in every file: in a notification first, in the statement later.

        Without a bank reference its day counts, too: otherwise the fee of each month would be the same movement. Two
        movements of one file can still have the same key, if the bank gives neither references nor ids.
        """
        reason = self.reason.code if self.reason else None
        reference = self.bank_reference or self.booked_on.isoformat()
        parts = (self.account, reference, self.end_to_end_id, str(self.cents), self.currency, reason)
        return (*(part or "" for part in parts), self.direction.value, "reversal" if self.is_reversal else "")


@dataclass(frozen=True)
class Statement:
    """One account's part of a statement or notification file.

    Attributes:
        account: IBAN, or the bank's own number of the account.
        number: The bank's running number of its electronic statements, else of its legal ones. Gaps mean that a file is
            missing; some banks begin again each year.
        opening: None in notifications, and where the bank states none.
        movements: Only of booked entries, in the order of the file.
        not_booked: How many entries were left out because they are announced or pending.
    """

    account: str
    statement_id: str
    number: int | None
    opening: Balance | None
    closing: Balance | None
    movements: tuple[Movement, ...]
    not_booked: int

    @property
    def gap_cents(self) -> int | None:
        """Closing balance less opening balance less movements: 0 if nothing is missing; None without both balances."""
        if self.opening is None or self.closing is None or self.opening.currency != self.closing.currency:
            return None
        moved = sum(
            movement.cents if movement.direction is Direction.CREDIT else -movement.cents
            for movement in self.movements
            if movement.currency == self.opening.currency
        )
        return self.closing.cents - self.opening.cents - moved


@dataclass(frozen=True)
class Status:
    """The state of our order, of one of its blocks or of one transfer, as the bank reports it.

    A status is about the order, a movement about money: only a movement shows that a transfer was executed.

    Attributes:
        code: As written (`ACSP`, `RJCT`, …); None if the bank gives reasons without a status at this level.
        cents: Of the transfer as ordered, in hundredths of `currency`; None if the bank does not repeat it.
        creditor_iban: Of the transfer as ordered; None if the bank does not repeat it.
    """

    level: StatusLevel
    original_message_id: str
    payment_information_id: str | None
    end_to_end_id: str | None
    code: str | None
    reasons: tuple[Reason, ...]
    cents: int | None
    currency: str | None
    creditor_iban: str | None

    @property
    def is_rejection(self) -> bool:
        """Whether the bank refused it, so that no money left the account. Verification of payee never is."""
        return self.code == "RJCT"

    @property
    def text(self) -> str:
        """The bank's words about all reasons, joined."""
        return " ".join(reason.text for reason in self.reasons if reason.text)


@dataclass(frozen=True)
class BankAnswer:
    """One file from the bank.

    Attributes:
        message_name: Message and version that the file claims (`camt.053.001.08`); None if its namespace is no message.
        created_at: As the bank wrote it: ISO 8601, with or without an offset.
        sha256: Of the file's bytes: the same file is the same answer.
        statements: One per account and period; empty for a status report.
        statuses: Group, block and transfer statuses in the order of the file; empty for statements.
    """

    kind: AnswerKind
    message_name: str | None
    message_id: str
    created_at: str
    sha256: str
    statements: tuple[Statement, ...]
    statuses: tuple[Status, ...]

    @property
    def movements(self) -> tuple[Movement, ...]:
        """The movements of all statements, in the order of the file."""
        return tuple(movement for statement in self.statements for movement in statement.movements)
