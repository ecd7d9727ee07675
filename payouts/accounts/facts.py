"""Facts as the books need them: plain values from closed months and the register of payments. Amounts in cents.

Facts say nothing of accounts. `entries_of` turns them into entries, `artist_years` adds them up.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date

from allive.payouts import months


@dataclass(frozen=True)
class Earned:
    """An artist's earnings of a closed month, without VAT, and the VAT on them if the artist charges it."""

    artist_id: str
    cents: int
    vat_cents: int = 0


@dataclass(frozen=True)
class Adjusted:
    """A difference to what was booked for an earlier month; negative if too much was booked (RULES.md §6)."""

    artist_id: str
    corrects_month: str
    cents: int
    vat_cents: int = 0


@dataclass(frozen=True)
class MonthClosed:
    """A payout run: the envelopes due, and what each artist earned of them.

    Attributes:
        direct_cents: Part of the envelopes that went to artists directly; shown cents (RULES.md §5.6).
        pool_cents: Part that went through the pool. Both together are the envelopes of the month.
        refunds_borne_cents: Envelopes refunded in months that are final: artists keep them, Allive bears them.
        booked_on: Day of the entries; the month's last day if None. Give one if that period of the books is closed.

    Raises:
        ValueError: The month is none, an artist appears twice, an adjustment is not of an earlier month, or earnings
            and envelopes differ by more than a cent for each artist, which is not rounding.
    """

    month: str
    direct_cents: int
    pool_cents: int
    earned: tuple[Earned, ...] = ()
    adjusted: tuple[Adjusted, ...] = ()
    refunds_borne_cents: int = 0
    booked_on: date | None = None

    def __post_init__(self) -> None:
        months.parse_month(self.month)
        _refuse_twice("the artist", (line.artist_id for line in self.earned))
        _refuse_twice("the correction", ((line.corrects_month, line.artist_id) for line in self.adjusted))
        for line in self.adjusted:
            if months.parse_month(line.corrects_month) >= self.month:
                raise ValueError(f"The run of {self.month} corrects {line.corrects_month}, expected an earlier month.")
        if abs(self.rounding_cents) > len(self.earned):
            raise ValueError(
                f"{self.month} has envelopes of {self.envelope_cents} cents and earnings of "
                f"{self.envelope_cents - self.rounding_cents}, expected equal amounts but for rounding. "
                "Run `allive verify` before you book it."
            )

    @property
    def envelope_cents(self) -> int:
        """The envelopes due."""
        return self.direct_cents + self.pool_cents

    @property
    def rounding_cents(self) -> int:
        """The part of the envelopes that no artist earned; 0 by RULES.md §5.5, and never hidden if it is not."""
        return self.envelope_cents - sum(line.cents for line in self.earned)

    @property
    def on(self) -> date:
        """Day of the entries."""
        return self.booked_on or months.last_day(self.month)

    @property
    def piece(self) -> str:
        """The run as the supporting document."""
        return f"ALV-{self.month}"


@dataclass(frozen=True)
class Withheld:
    """An amount kept back from an artist because the law says so, and owed to somebody else (RULES.md §10).

    Attributes:
        name: The withholding, as its setting calls it. The chart of accounts knows its account.
        cents: Negative if an adjustment or a return gives it back.
        closed_on: Day of the entries of the run.
        paid_on: Day on which the payment was executed; None until then.
        owed_to: Its creditor.
    """

    artist_id: str
    month: str
    name: str
    cents: int
    closed_on: date
    paid_on: date | None = None
    owed_to: str = ""

    @property
    def piece(self) -> str:
        """The run as the supporting document."""
        return f"ALV-{self.month}"


@dataclass(frozen=True)
class WrittenOff:
    """Cents added to an artist's balance that nobody will pay, as in a run's `balance_entries`.

    Attributes:
        cents: Positive: a negative balance that never recovers, Allive's loss. Negative: a debt past its time limit.
    """

    artist_id: str
    cents: int
    on: date
    piece: str


@dataclass(frozen=True)
class _PositiveAmount:
    artist_id: str
    cents: int
    on: date
    piece: str

    def __post_init__(self) -> None:
        if self.cents <= 0:
            raise ValueError(
                f"{type(self).__name__} of {self.artist_id!r} on {self.on}: found {self.cents} cents, expected more "
                "than 0. Money that came back is a return."
            )


@dataclass(frozen=True)
class PaymentOrdered(_PositiveAmount):
    """A transfer that went to the bank as an order. It moves no money and makes no entry."""


@dataclass(frozen=True)
class PaymentCancelled(_PositiveAmount):
    """An order that was never executed: the bank rejected it, or it was withdrawn. It makes no entry."""


@dataclass(frozen=True)
class PaymentExecuted(_PositiveAmount):
    """A transfer that left the account. Those with the same day and piece are one entry, as on the bank statement.

    Attributes:
        piece: Message id of the order, or the bank's reference.
        reference: End-to-end id of the transfer.
    """

    reference: str = ""


@dataclass(frozen=True)
class PaymentReturned(_PositiveAmount):
    """A transfer, or a part of one, that came back.

    Attributes:
        cents: Given back to the artist's balance.
        reason: The bank's code, such as AC04.
        charges_cents: Taken off by the bank on the way; `cents` minus these arrived.
        executed_on: Day on which the transfer had left.
    """

    reference: str = ""
    reason: str = ""
    charges_cents: int = 0
    executed_on: date | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.charges_cents <= self.cents:
            raise ValueError(
                f"A return of {self.cents} cents to {self.artist_id!r} has charges of {self.charges_cents}, expected "
                "between 0 and the amount."
            )


@dataclass(frozen=True)
class PaidOtherwise(_PositiveAmount):
    """A payment outside the bank files: a cheque, or a transfer from another bank."""

    means: str = ""


@dataclass(frozen=True)
class BankCharge:
    """A fee of the bank that no artist bears; negative if the bank pays it back."""

    cents: int
    on: date
    piece: str


@dataclass(frozen=True)
class UnmatchedMovement:
    """A movement of the account that fits no payment; positive if money came in.

    Once its meaning is known, the same amount with the other sign and the new day takes it off the suspense account.
    """

    cents: int
    on: date
    piece: str


PaymentFact = PaymentOrdered | PaymentCancelled | PaymentExecuted | PaymentReturned | PaidOtherwise
Fact = MonthClosed | Withheld | WrittenOff | PaymentFact | BankCharge | UnmatchedMovement


def _refuse_twice(what: str, values: Iterable[Hashable]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise ValueError(f"{what.capitalize()} {value!r} appears {times} times in a run, expected once.")
