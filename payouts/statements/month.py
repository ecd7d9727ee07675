"""Reads the statements of a closed month from its folder alone, so that they can be made again at any time."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from allive.payouts.ledger import ADJUSTMENTS_FILE, CONTROL_FILE, LIVES_FILE, PAYOUTS_FILE
from allive.payouts.payees import PAYER_KEY, PayeeLine, read_payee_lines
from allive.payouts.shown_cents import cents_of_parts, split_cents
from allive.payouts.statements.names import statement_number
from allive.payouts.statements.transfers import Transfer, read_transfers
from allive.payouts.withheld import WithheldLine, read_withheld_lines


class StatementDataError(ValueError):
    """A closed month's files disagree on an artist's amounts: no statement can be made from them."""


@dataclass(frozen=True)
class Live:
    """One live's earnings for its artist from subscribers' own envelopes."""

    live_id: str
    title: str
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int


@dataclass(frozen=True)
class Adjustment:
    """The change from settling an earlier month again, in cents."""

    corrects_month: str
    cents: int


class EntryKind(StrEnum):
    """Why cents were added to a balance between two runs; `payment_returned` is from before there was a register."""

    PAYMENT_RETURNED = "payment_returned"
    WRITE_OFF = "write_off"
    RETURNED = "returned"
    GIVEN_BACK = "given_back"
    SETTLED = "settled"


@dataclass(frozen=True)
class BalanceEntry:
    """Cents added to the balance before the run: money that came back, a write-off, or a payment made otherwise.

    Attributes:
        cents: Negative for a payment made otherwise.
        settlement_month: The month of the payment that came back; None for the others.
    """

    kind: EntryKind
    cents: int
    settlement_month: str | None


@dataclass(frozen=True)
class Pool:
    """The month's common pool, the same for all artists; `cents` is the printed amount."""

    cents: int
    members: int
    rule: str


@dataclass(frozen=True)
class Party:
    """The legal identity of the payer or of an artist, as far as it is known. `address` is in lines."""

    legal_name: str | None = None
    siren: str | None = None
    vat_id: str | None = None
    address: tuple[str, ...] = ()


NOBODY: Final = Party()


@dataclass(frozen=True)
class Statement:
    """One artist's month as its statement shows it.

    Attributes:
        withheld: The withholdings that concern the artist, in the order of the setting.
        payer: The company that pays.
        payee: The artist as a legal person.
        vat_note: The sentence about VAT; empty if there is none.
        lives: Highest earnings first.
        pool_nanos: The artist's share of the common pool; None if they have no part in it.
        account: The masked IBAN that receives the payment; None if nothing is paid.
    """

    number: str
    settlement_month: str
    payment_date: date
    artist_id: str
    artist_name: str
    watch_ms: int
    paying_subscribers: int
    lives: tuple[Live, ...]
    pool: Pool
    pool_nanos: int | None
    earned_cents: int
    adjustments: tuple[Adjustment, ...]
    balance_entries: tuple[BalanceEntry, ...]
    brought_forward_cents: int
    paid_cents: int
    carried_forward_cents: int
    carry_reason: str | None
    account: str | None
    envelope_cents: int
    minimum_payout_cents: int
    withheld: tuple[WithheldLine, ...] = ()
    payer: Party = NOBODY
    payee: Party = NOBODY
    vat_note: str = ""

    @property
    def withheld_cents(self) -> int:
        """The sum of the withholdings."""
        return sum(one.withheld_cents for one in self.withheld)

    @property
    def ordered_cents(self) -> int:
        """Ordered from the bank: paid less withheld."""
        return self.paid_cents - self.withheld_cents

    @property
    def direct_nanos(self) -> int:
        """The sum over the lives."""
        return sum(live.direct_nanos for live in self.lives)

    @property
    def direct_cents(self) -> int:
        """The printed part of the earned cents that came from subscribers' own envelopes."""
        return self._parts_cents[0]

    @property
    def pool_cents(self) -> int:
        """The printed part of the earned cents that came from the common pool."""
        return self._parts_cents[1]

    @property
    def lives_cents(self) -> tuple[int, ...]:
        """The printed amount of each live; they sum to `direct_cents`."""
        return split_cents(self.direct_cents, [live.direct_nanos for live in self.lives])

    @cached_property
    def _parts_cents(self) -> tuple[int, ...]:
        return split_cents(self.earned_cents, (self.direct_nanos, self.pool_nanos or 0))

    @property
    def adjustment_cents(self) -> int:
        """The sum of the adjustments."""
        return sum(adjustment.cents for adjustment in self.adjustments)

    @property
    def opening_cents(self) -> int:
        """The balance carried forward from the month before."""
        return self.brought_forward_cents - sum(entry.cents for entry in self.balance_entries)

    @property
    def payable_cents(self) -> int:
        """Brought forward + earned + adjustments (RULES.md §6)."""
        return self.brought_forward_cents + self.earned_cents + self.adjustment_cents


def read_statements(month_folder: Path) -> Iterator[Statement]:
    """Yield the statement of every row of `artist_payouts.csv`, in its order.

    Raises:
        StatementDataError: The month's files contradict one another.
    """
    control = json.loads((month_folder / CONTROL_FILE).read_text(encoding="utf-8"))
    lives = _read_lives(month_folder / LIVES_FILE)
    adjustments = _read_adjustments(month_folder / ADJUSTMENTS_FILE)
    entries = _balance_entries(control)
    transfers = read_transfers(month_folder)
    withheld: dict[str, list[WithheldLine]] = defaultdict(list)
    for line in read_withheld_lines(month_folder):
        withheld[line.artist_id].append(line)
    payees = {line.artist_id: line for line in read_payee_lines(month_folder)}
    payer = _payer(control.get(PAYER_KEY, {}))
    _, pool_cents = cents_of_parts((control["direct_nanos"], control["pool_nanos"]))
    pool = Pool(cents=pool_cents, members=len(control["pool_members"]), rule=control["policy"]["pool_rule"])
    members = frozenset(control["pool_members"])
    for position, row in enumerate(_rows(month_folder / PAYOUTS_FILE), start=1):
        artist_id = row["artist_id"]
        number = statement_number(row["settlement_month"], position)
        statement = Statement(
            number=number,
            settlement_month=row["settlement_month"],
            payment_date=date.fromisoformat(control["payment_date"]),
            artist_id=artist_id,
            artist_name=row["artist_name"] or artist_id,
            watch_ms=int(row["watch_ms"]),
            paying_subscribers=int(row["paying_subscribers"]),
            lives=lives.get(artist_id, ()),
            pool=pool,
            pool_nanos=int(row["pool_nanos"]) if artist_id in members else None,
            earned_cents=int(row["earned_cents"]),
            adjustments=tuple(adjustments.get(artist_id, ())),
            balance_entries=tuple(entries.get(artist_id, ())),
            brought_forward_cents=int(row["brought_forward_cents"]),
            paid_cents=int(row["paid_cents"]),
            carried_forward_cents=int(row["carried_forward_cents"]),
            carry_reason=row["carry_reason"] or None,
            account=_account(number, paid_cents=int(row["paid_cents"]), transfer=transfers.get(number)),
            envelope_cents=control["policy"]["envelope_cents"],
            minimum_payout_cents=control["policy"]["minimum_payout_cents"],
            withheld=tuple(withheld.get(artist_id, ())),
            payer=payer,
            payee=_payee(payees.get(artist_id)),
            vat_note=(payees[artist_id].vat_note or "") if artist_id in payees else "",
        )
        _check(statement, row, transfer=transfers.get(number))
        yield statement


def _payer(identity: dict[str, str]) -> Party:
    town = " ".join(filter(None, (identity.get("postcode"), identity.get("town"))))
    address = (identity.get("street"), town, identity.get("country") if town else None)
    return Party(identity.get("legal_name"), identity.get("siren"), address=tuple(filter(None, address)))


def _payee(line: PayeeLine | None) -> Party:
    return Party(line.legal_name, line.siren, line.vat_id) if line else NOBODY


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _read_lives(path: Path) -> dict[str, tuple[Live, ...]]:
    by_artist: dict[str, list[Live]] = defaultdict(list)
    for row in _rows(path):
        by_artist[row["artist_id"]].append(
            Live(
                live_id=row["live_id"],
                title=row["title"] or row["live_id"],
                watch_ms=int(row["watch_ms"]),
                paying_subscribers=int(row["paying_subscribers"]),
                direct_nanos=int(row["direct_nanos"]),
            )
        )
    return {
        artist_id: tuple(sorted(lives, key=lambda live: (-live.direct_nanos, -live.watch_ms, live.live_id.encode())))
        for artist_id, lives in by_artist.items()
    }


def _read_adjustments(path: Path) -> dict[str, list[Adjustment]]:
    by_artist: dict[str, list[Adjustment]] = defaultdict(list)
    for row in _rows(path):
        by_artist[row["artist_id"]].append(Adjustment(row["corrects_month"], int(row["adjustment_cents"])))
    return by_artist


def _balance_entries(control: dict[str, Any]) -> dict[str, list[BalanceEntry]]:
    by_artist: dict[str, list[BalanceEntry]] = defaultdict(list)
    for entry in control["balance_entries"]:
        by_artist[entry["artist_id"]].append(
            BalanceEntry(EntryKind(entry["kind"]), entry["cents"], entry["settlement_month"])
        )
    return by_artist


def _account(number: str, *, paid_cents: int, transfer: Transfer | None) -> str | None:
    transferred = transfer.cents if transfer else 0
    if transferred != paid_cents:
        raise StatementDataError(
            f"The month's transfers have {transferred} cents under {number}, but {PAYOUTS_FILE} pays {paid_cents}. "
            "Write the transfers before the statements; if the month is closed, run `allive verify`."
        )
    return transfer.account if transfer else None


def _check(statement: Statement, row: dict[str, str], *, transfer: Transfer | None) -> None:
    equations = (
        ("direct nanos of the lives", statement.direct_nanos, int(row["direct_nanos"])),
        ("share of the pool, in nanos", statement.pool_nanos or 0, int(row["pool_nanos"])),
        ("adjustment lines", statement.adjustment_cents, int(row["adjustment_cents"])),
        ("cents earned without any nano", 0 if _has_nanos(statement) else statement.earned_cents, 0),
        ("withheld cents", statement.withheld_cents, transfer.withheld_cents if transfer else 0),
        ("paid + carried", statement.paid_cents + statement.carried_forward_cents, statement.payable_cents),
    )
    broken = [f"{name}: found {found}, expected {expected}" for name, found, expected in equations if found != expected]
    if broken:
        raise StatementDataError(
            f"{statement.settlement_month}, artist {statement.artist_id!r}: the month's files disagree "
            f"({'; '.join(broken)}). No statement was made from them; run `allive verify`."
        )


def _has_nanos(statement: Statement) -> bool:
    return bool(statement.direct_nanos or statement.pool_nanos)
