"""A bank that gets order files, executes, rejects and returns transfers, and writes messages about it.

It knows nothing of the product: it reads the files as any bank does, and its own ledger is the truth of the money.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from tests.bank_messages import (
    CAMT_VERSIONS,
    OUR_ACCOUNT,
    Entry,
    Reported,
    Transfer,
    account_report,
    status_report,
)

_PAIN: Final = {"": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
_FIRST_DAY: Final = date(2026, 1, 5)
RETURN_CODES: Final = ("AC04", "MS03", "AC01", "RR04")


@dataclass
class Ordered:
    """A transfer that the bank was sent, and what it did with it."""

    end_to_end_id: str
    message_id: str
    cents: int
    iban: str
    name: str
    state: str = "received"
    returned: int = 0
    returns: int = 0
    """In how many parts it came back."""

    @property
    def sent_cents(self) -> int:
        """The cents that left the account for it and did not come back."""
        return self.cents - self.returned if self.state == "executed" else 0


@dataclass
class Bank:
    """The bank's ledger, and the messages that it has written so far."""

    rng: Random
    transfers: dict[str, Ordered] = field(default_factory=dict)
    messages: list[bytes] = field(default_factory=list)
    _events: int = 0

    def receive(self, content: bytes) -> None:
        """Take an order file. A transfer that was sent before is refused: the operator must never send it twice."""
        root = ET.fromstring(content)  # noqa: S314 - written a moment ago
        message_id = root.findtext("CstmrCdtTrfInitn/GrpHdr/MsgId", namespaces=_PAIN)
        assert message_id
        for one in root.iterfind(".//CdtTrfTxInf", _PAIN):
            name, iban, amount, holder = (
                one.findtext(path, "", _PAIN)
                for path in ("PmtId/EndToEndId", "CdtrAcct/Id/IBAN", "Amt/InstdAmt", "Cdtr/Nm")
            )
            assert all((name, iban, amount, holder))
            assert name not in self.transfers, f"{name} was sent twice"
            euros, cents = amount.split(".")
            self.transfers[name] = Ordered(name, message_id, int(euros) * 100 + int(cents), iban, holder)

    def waiting(self) -> list[Ordered]:
        """The transfers that it has not decided on."""
        return [one for one in self.transfers.values() if one.state == "received"]

    def executed(self) -> list[Ordered]:
        """The transfers that left the account, and of which something could still come back."""
        return [one for one in self.transfers.values() if one.state == "executed" and one.returned < one.cents]

    def execute(self, one: Ordered) -> None:
        """Execute a transfer, and notify, report, or both, with the same reference or another."""
        one.state = "executed"
        day = self._day()
        transfer = self._transfer(one, one.cents)
        self._tell(Entry(_text(one.cents), "DBIT", (transfer,), booked=f"<Dt>{day}</Dt>"), transfer)

    def execute_order(self, message_id: str) -> None:
        """Execute a whole order, and report it as one sum."""
        of_order = [one for one in self.transfers.values() if one.message_id == message_id]
        assert all(one.state == "received" for one in of_order)
        total = sum(one.cents for one in of_order)
        for one in of_order:
            one.state = "executed"
        entry = Entry(
            _text(total),
            "DBIT",
            booked=f"<Dt>{self._day()}</Dt>",
            reference=self._reference(),
            batch=(message_id, message_id, len(of_order)),
        )
        self.messages.append(account_report("053", self._version(), [entry], balances=None, number=self._events))

    def reject(self, one: Ordered, code: str) -> None:
        """Reject a transfer: nothing leaves the account."""
        one.state = "rejected"
        self._events += 1
        reported = Reported(one.end_to_end_id, "RJCT", ((code, None, ()),), _text(one.cents), one.iban)
        self.messages.append(status_report("03", blocks=[(one.message_id, None, (reported,))], order=one.message_id))

    def give_back(self, one: Ordered, cents: int, code: str) -> None:
        """Return an executed transfer, whole or in part."""
        one.returned += cents
        one.returns += 1
        transfer = self._transfer(one, cents, direction="CRDT", is_returned=True, code=code)
        self._tell(
            Entry(_text(cents), "CRDT", (transfer,), booked=f"<Dt>{self._day()}</Dt>", family="RCDT/RRTN"), transfer
        )

    def do_other_business(self) -> None:
        """Book something that has nothing to do with our orders."""
        entry = Entry("12.34", self.rng.choice(("DBIT", "CRDT")), reference=self._reference(), words="LOYER")
        self.messages.append(account_report("053", self._version(), [entry], balances=None, number=self._events))

    def _tell(self, entry: Entry, transfer: Transfer) -> None:
        """Write about a movement: in a notification, in a statement, or first in one and then in the other."""
        first, then = self._reference(), self._reference()
        told = self.rng.choice((("054",), ("053",), ("054", "053"), ("053", "054")))
        same = self.rng.random() < 0.5
        for place, kind in enumerate(told):
            reference = first if same or place == 0 else then
            named = Transfer(**{**vars(transfer), "reference": reference})
            written = Entry(**{**vars(entry), "transfers": (named,), "reference": reference})
            self.messages.append(account_report(kind, self._version(), [written], balances=None, number=self._events))

    def _transfer(self, one: Ordered, cents: int, **changes: object) -> Transfer:
        return Transfer(
            amount=_text(cents),
            end_to_end_id=one.end_to_end_id,
            message_id=one.message_id,
            payment_information_id=one.message_id,
            sides=("Allive SAS", OUR_ACCOUNT, one.name, one.iban),
            **changes,  # type: ignore[arg-type]
        )

    def _version(self) -> str:
        return self.rng.choice(CAMT_VERSIONS)

    def _reference(self) -> str:
        self._events += 1
        return f"BK{self._events:06}"

    def _day(self) -> date:
        self._events += 1
        return _FIRST_DAY + timedelta(days=self._events)


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
