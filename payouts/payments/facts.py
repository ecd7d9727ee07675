"""The facts that the register of payments records, strictly typed: nothing in the file is trusted (RULES.md §10).

A line of the register is one action: a command, a close or an imported file, with all its facts. It is written whole or
not at all. A fact's id is its line's id and its place in the line, `<sha256>:<n>`. Amounts are in cents.
"""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from allive.payouts.bank_answers import Meaning, Reason, ReasonList, meaning_of

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FactId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}:\d+$")]
Cents = Annotated[int, Field(gt=0)]

Event = Literal[
    "ordered",
    "noted",
    "imported",
    "executed",
    "returned",
    "cancelled",
    "given_back",
    "settled",
    "held",
    "unheld",
    "iban_confirmed",
    "dismissed",
    "undone",
]
"""The action of a line. `noted` are the orders of a month that was closed before there was a register."""


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class BankReason(_Record):
    """Why the bank rejected or returned a transfer: its code as written, the list that it is from, and its words."""

    code: str | None = None
    reason_list: ReasonList = ReasonList.RETURN
    is_proprietary: bool = False
    text: str = ""

    @property
    def meaning(self) -> Meaning:
        """The reason in plain words, and its class."""
        return meaning_of(self.as_stated())

    def as_stated(self) -> Reason:
        """Return the reason as the readers of bank answers state it."""
        return Reason(self.reason_list, self.code, is_proprietary=self.is_proprietary, text=self.text)


class Seen(_Record):
    """The movement of a bank's file that a fact is from. `key` identifies the movement in every file of the bank."""

    key: str
    message: str


class Ordered(_Record):
    """A transfer that is ordered: one attempt to pay one artist's amount of one closed month.

    Attributes:
        cents: Of the order: the amount paid less what is withheld.
        withheld_cents: Kept back for somebody else, as the law says.
        name: Of the account's holder, as in the order.
    """

    kind: Literal["ordered"] = "ordered"
    end_to_end_id: str
    settlement_month: Month
    artist_id: str
    cents: Cents
    withheld_cents: Annotated[int, Field(ge=0)] = 0
    iban: str
    name: str


class Executed(_Record):
    """The bank booked the transfer. `charges_cents` are the bank's, borne by the platform."""

    kind: Literal["executed"] = "executed"
    end_to_end_id: str
    booked_on: date
    charges_cents: int = 0
    seen: Seen | None = None


class Returned(_Record):
    """A transfer, or a part of it, came back. It goes to the artist's balance, and the IBAN is set aside.

    Attributes:
        cents: Of the order that came back, charges included: the platform bears them.
        withheld_back_cents: Kept back for this part of the order, and given back with it.
        is_in_audit: It was recorded in the audit log, before there was a register, which put it into the balance.
    """

    kind: Literal["returned"] = "returned"
    end_to_end_id: str
    cents: Cents
    withheld_back_cents: Annotated[int, Field(ge=0)] = 0
    charges_cents: int = 0
    booked_on: date
    reason: BankReason = BankReason()
    is_in_audit: bool = False
    seen: Seen | None = None


class Confirmed(_Record):
    """A file of the bank shows a movement that is on record already: by a person, or from another kind of message."""

    kind: Literal["confirmed"] = "confirmed"
    fact: FactId
    seen: Seen


class Cancelled(_Record):
    """No money left the account: the bank rejected the order, or it was withdrawn before the bank executed it.

    Attributes:
        sets_aside: Whether the reason is in the IBAN: it is set aside, as by a return.
    """

    kind: Literal["cancelled"] = "cancelled"
    end_to_end_id: str
    reason: BankReason | None = None
    sets_aside: bool = False
    seen: Seen | None = None


class GivenBack(_Record):
    """The amount of a cancelled order goes back to the artist's balance, instead of being ordered again."""

    kind: Literal["given_back"] = "given_back"
    end_to_end_id: str


class Reported(_Record):
    """The bank said something about an order that moves no money: a status, or the result of a verification of payee.

    Attributes:
        end_to_end_id: None if it is about the whole order.
        code: Of the status, as written.
    """

    kind: Literal["reported"] = "reported"
    message_id: str
    end_to_end_id: str | None
    code: str | None
    reasons: tuple[BankReason, ...] = ()
    text: str = ""


class Settled(_Record):
    """The artist was paid otherwise: by cheque, or from another bank."""

    kind: Literal["settled"] = "settled"
    artist_id: str
    cents: Cents
    means: str
    paid_on: date


class Held(_Record):
    """Nothing is paid to the artist until the hold is lifted."""

    kind: Literal["held"] = "held"
    artist_id: str


class Unheld(_Record):
    """The hold on an artist is lifted."""

    kind: Literal["unheld"] = "unheld"
    artist_id: str


class IbanConfirmed(_Record):
    """Somebody asked the artist: this IBAN is right, although it was set aside, is new, or bears no date."""

    kind: Literal["iban_confirmed"] = "iban_confirmed"
    artist_id: str
    iban: str


class Unmatched(_Record):
    """A movement or status that is no payment's for certain. It waits for a person, and is never guessed.

    Attributes:
        why: The reason as a code; `unrelated` if nothing in it points to one of our orders.
        cents: Negative if money left the account; None for a status without amount.
    """

    kind: Literal["unmatched"] = "unmatched"
    why: str
    end_to_end_id: str | None = None
    message_id: str | None = None
    cents: int | None = None
    currency: str | None = None
    booked_on: date | None = None
    counterparty: str = ""
    text: str = ""
    reason: BankReason | None = None
    seen: Seen


class Dismissed(_Record):
    """Somebody looked at an unmatched movement, and did what had to be done."""

    kind: Literal["dismissed"] = "dismissed"
    fact: FactId


class Undone(_Record):
    """An earlier fact is taken back. It stays in the register, and counts no more."""

    kind: Literal["undone"] = "undone"
    fact: FactId


Fact = (
    Ordered
    | Executed
    | Returned
    | Confirmed
    | Cancelled
    | GivenBack
    | Reported
    | Settled
    | Held
    | Unheld
    | IbanConfirmed
    | Unmatched
    | Dismissed
    | Undone
)


class OrderFile(_Record):
    """The file that a line's transfers are ordered by. `path` is relative to `payouts/`."""

    message_id: str
    path: str
    sha256: Sha256
    requested_on: date


class BankFileRead(_Record):
    """The bank's file that a line was imported from."""

    name: str
    sha256: Sha256
    kind: Literal["pain.002", "camt.053", "camt.054"]
    message_id: str


class Line(_Record):
    """One line of the register."""

    format: int
    at: str
    operator: str
    event: Event
    why: str
    order: OrderFile | None = None
    source: BankFileRead | None = None
    facts: tuple[Annotated[Fact, Field(discriminator="kind")], ...]
    previous: Sha256
    sha256: Sha256


MONEY_BACK: Final = (Returned, GivenBack, Settled)
"""Facts that change a balance: each is taken up by one run."""


def content_of(record: _Record) -> dict[str, Any]:
    """Return a record as the register stores it: JSON values, without fields that have their default.

    >>> content_of(Held(artist_id="a01"))
    {'kind': 'held', 'artist_id': 'a01'}
    """
    content: dict[str, Any] = record.model_dump(mode="json", exclude_defaults=True)
    kind = getattr(record, "kind", None)
    return {"kind": kind, **content} if kind is not None and isinstance(record, Fact) else content
