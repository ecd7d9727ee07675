"""Random histories of payments: closes, the operator's commands, and imports, against what the rules say.

The world keeps its own books of every artist: what was settled, paid, paid otherwise and given back. It never asks the
product for an amount, and it plays the closes itself, so that thousands of them take seconds.
"""

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Final

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Books, read_month
from allive.payouts.closed_month.findings import Report
from allive.payouts.errors import Refusal
from allive.payouts.payments import actions, balance_entries, orders
from allive.payouts.payments.register import read_register
from allive.payouts.payments.state import Payments, PaymentState, payments_of
from allive.payouts.verification.payments import check_payments, check_taken_up, read_payments
from allive.payouts.verification.seals import AuditLog
from tests.bank_messages import OUR_ACCOUNT
from tests.oracle.settlement import months_later
from tests.oracle.withholdings import given_back_cents, withheld_cents
from tests.payment_world.bank import RETURN_CODES, Bank

IBANS: Final = {
    "anna": "FR1420041010050500013M02606",
    "bob": "DE89370400440532013000",
    "chloe": "FR7630001007941234567890185",
    "dune": "BE68539007547034",
}
SAYS: Final = {"why": "the world", "operator": "zoe"}
WITHHOLDINGS: Final[tuple[dict[str, Any], ...]] = (
    {"name": "CSG", "owed_to": "Urssaf", "rate_bp": 920},
    {"name": "CRDS", "owed_to": "Urssaf", "rate_bp": 50},
    {"name": "RAS", "owed_to": "Tresor", "rate_bp": 1_500, "artist_ids": ["dune"]},
)
TODAY: Final = date(2026, 11, 30)
_MINIMUM: Final = 1_000
_POLICY: Final[dict[str, Any]] = {
    "policy_valid_from": "2015-01-01",
    "price_cents": 499,
    "envelope_cents": 100,
    "minimum_live_s": 1800,
    "minimum_pool_share_bp": 1000,
    "minimum_payout_cents": _MINIMUM,
    "look_back_months": 3,
    "payment_delay_days": 7,
    "pool_rule": "equal",
}
_IN_ACCOUNT: Final = {"AC04", "AC01"}
"""Codes that are about the account: a rejection with one of them sets the IBAN aside."""


@dataclass
class World:
    """One data home, its bank, and the books by the rules."""

    home: Path
    rng: Random
    bank: Bank
    most_per_order: int | None
    withholds: bool = False
    months: list[str] = field(default_factory=list)
    settled: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    otherwise: Counter[str] = field(default_factory=Counter)
    given_back: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    _withheld_of: dict[tuple[str, str], int] = field(default_factory=dict)
    _returned_of: Counter[str] = field(default_factory=Counter)
    held: set[str] = field(default_factory=set)
    set_aside: set[str] = field(default_factory=set)
    _sent: set[str] = field(default_factory=set)
    _imported: int = 0

    @cached_property
    def settings(self) -> Settings:
        """The settings of the data home."""
        return settings_of(self.home, most_per_order=self.most_per_order)

    @property
    def payments(self) -> Payments:
        """The state of all payments as the product sees it."""
        return payments_of(read_register(self.settings))

    def balance(self, artist: str) -> int:
        """By the rules: what was settled and not paid."""
        return self.settled[artist] - self.paid[artist] - self.otherwise[artist] + self.given_back[artist]

    def step(self) -> None:
        """Do one thing at random."""
        actions_of_the_world = (
            (self.close, 3),
            (self.send, 5),
            (self.let_the_bank_work, 8),
            (self.import_something, 8),
            (self.hold_or_lift, 2),
            (self.return_by_hand, 2),
            (self.pay_otherwise, 1),
            (self.confirm, 3),
            (self.reissue, 4),
            (self.give_cancelled_back, 2),
            (self.undo_a_hold, 1),
        )
        act = self.rng.choices([one for one, _ in actions_of_the_world], [weight for _, weight in actions_of_the_world])
        act[0]()

    def close(self, earned: int | None = None) -> None:
        """Close the next month: everybody earns something, at random by default, and is paid or carried."""
        month = months_later(self.months[-1], 1) if self.months else "2021-01"
        entries = balance_entries.pending_entries(self.settings)
        brought = balance_entries.open_balances(self.settings)
        head = read_register(self.settings).head
        rows, transfers, withheld = [], [], []
        for position, artist in enumerate(IBANS, start=1):
            assert brought.get(artist, 0) == self.balance(artist), artist
            cents = self.rng.choice((0, 700, 1_500, self.rng.randrange(4_000))) if earned is None else earned
            payable = self.balance(artist) + cents
            reason = self._why_carried(artist, payable)
            self.settled[artist] += cents
            paid = 0 if reason or payable <= 0 else payable
            self.paid[artist] += paid
            number = f"ALV-{month}-{position:05}"
            figures = (cents, 0, brought.get(artist, 0), paid, payable - paid)
            rows.append([month, artist, artist.title(), "emerging", *[0] * 5, *figures, reason])
            if paid:
                kept = [
                    [month, artist, one["name"], one["owed_to"], one["rate_bp"], paid, cut]
                    for one in WITHHOLDINGS
                    if self.withholds and (cut := withheld_cents(paid, one, artist, tax_country=None)) is not None
                ]
                withheld += kept
                self._withheld_of[month, artist] = sum(line[-1] for line in kept)
                self.withheld[artist] += self._withheld_of[month, artist]
                amounts = (paid, self._withheld_of[month, artist], paid - self._withheld_of[month, artist])
                transfers.append([month, number, artist, artist.title(), IBANS[artist], *[""] * 5, *amounts])
        self._write(
            month, rows, transfers, withheld, {"balance_entries": [vars(one) for one in entries], "payments_head": head}
        )
        self.months.append(month)
        orders.order_month(self.settings, month, operator="zoe", today=TODAY)

    def send(self) -> None:
        """Send an order that the bank does not have, unless the register says that it must not be sent."""
        payments = self.payments
        for message_id, order in payments.orders.items():
            attempts = payments.of_order(message_id)
            if message_id not in self._sent and all(one.state is PaymentState.ORDERED for one in attempts):
                self._sent.add(message_id)
                self.bank.receive((self.settings.payouts_dir / order.path).read_bytes())
                return

    def let_the_bank_work(self) -> None:
        """Let the bank execute, reject or return something."""
        waiting, executed = self.bank.waiting(), self.bank.executed()
        choice = self.rng.random()
        if waiting and choice < 0.5:
            one = self.rng.choice(waiting)
            whole = [other for other in self.bank.transfers.values() if other.message_id == one.message_id]
            if all(other.state == "received" for other in whole) and self.rng.random() < 0.3:
                self.bank.execute_order(one.message_id)
            elif self.rng.random() < 0.6:
                self.bank.execute(one)
            else:
                self.bank.reject(one, self.rng.choice(("AC01", "AM04", "TM01")))
        elif executed and choice < 0.8:
            one = self.rng.choice(executed)
            left = one.cents - one.returned
            cents = left if self.rng.random() < 0.5 else self.rng.randrange(1, left + 1)
            self.bank.give_back(one, cents, self.rng.choice(RETURN_CODES))
        else:
            self.bank.do_other_business()

    def import_something(self) -> None:
        """Import one of the bank's messages, new or old, in any order."""
        if self.bank.messages:
            self.import_message(self.rng.choice(self.bank.messages))

    def import_message(self, content: bytes) -> actions.Import:
        """Import a message; the books follow what the rules make of the facts that were new."""
        self._imported += 1
        path = self.home / f"answer-{self._imported}.xml"
        path.write_bytes(content)
        found = actions.import_answer(self.settings, path, **SAYS)
        for fact in found.facts:
            if fact.kind == "returned":
                artist = self._artist(fact.end_to_end_id)
                self._give_back(fact.end_to_end_id, fact.cents)
                self.set_aside.add(artist)
            elif fact.kind == "cancelled" and fact.reason and fact.reason.code in _IN_ACCOUNT:
                self.set_aside.add(self._artist(fact.end_to_end_id))
        return found

    def _give_back(self, end_to_end_id: str, cents: int) -> int:
        """Give a part of an order back to the balance, with the withheld part of it, and return both together."""
        attempt = self.payments.attempts[end_to_end_id]
        withheld = given_back_cents(
            self._withheld_of[attempt.debt],
            attempt.ordered.cents,
            returned_before=self._returned_of[end_to_end_id],
            returned_now=cents,
        )
        self._returned_of[end_to_end_id] += cents
        self.withheld[attempt.ordered.artist_id] -= withheld
        self.given_back[attempt.ordered.artist_id] += cents + withheld
        return cents + withheld

    def hold_or_lift(self) -> None:
        """Hold an artist, or lift a hold."""
        artist = self.rng.choice(sorted(self.held) if self.held and self.rng.random() < 0.6 else [*IBANS])
        if artist in self.held:
            actions.unhold(self.settings, artist, **SAYS)
            self.held.remove(artist)
        else:
            actions.hold(self.settings, artist, **SAYS)
            self.held.add(artist)

    def undo_a_hold(self) -> None:
        """Take the last hold back."""
        for line_id, line in reversed(read_register(self.settings).lines.items()):
            if line.event == "held":
                artist = line.facts[0].artist_id  # type: ignore[union-attr]
                try:
                    actions.undo(self.settings, line_id, **SAYS)
                except Refusal:
                    return
                self.held.discard(artist)
                return

    def return_by_hand(self) -> None:
        """Record a whole return that the bank made at once and the register does not know yet."""
        payments = self.payments
        for one in self.bank.transfers.values():
            attempt = payments.attempts[one.end_to_end_id]
            if (
                (one.returned, one.returns) == (one.cents, 1)
                and attempt.returned_cents == 0
                and attempt.cancelled is None
            ):
                month, artist = attempt.debt
                back = actions.return_payment(self.settings, month, artist, today=TODAY, **SAYS)
                assert back == self._give_back(one.end_to_end_id, one.cents)
                self.set_aside.add(artist)
                return

    def pay_otherwise(self) -> None:
        """Pay a part of a balance by cheque; more than the balance is refused."""
        artist = self.rng.choice([*IBANS])
        cents = self.rng.randrange(1, 3_000)
        by_cheque = {"cents": cents, "means": "cheque", "paid_on": TODAY}
        if cents > self.balance(artist):
            assert_refused(lambda: actions.settle(self.settings, artist, **by_cheque, **SAYS))
            return
        assert actions.settle(self.settings, artist, **by_cheque, **SAYS) == self.balance(artist) - cents
        self.otherwise[artist] += cents

    def confirm(self) -> None:
        """Confirm the IBAN of somebody whose payments wait for it."""
        for artist in sorted(self.set_aside):
            actions.confirm_iban(self.settings, artist, IBANS[artist], **SAYS)
            self.set_aside.remove(artist)
            return

    def reissue(self) -> None:
        """Order again whatever of a month can be; orders that were never sent are withdrawn by it."""
        if not self.months:
            return
        month = self.rng.choice(self.months)
        unsent = [
            one.ordered.artist_id
            for one in self.payments.attempts.values()
            if one.ordered.settlement_month == month
            and one.state is PaymentState.ORDERED
            and one.order.message_id not in self._sent
        ]
        before = {name: one.state for name, one in self.payments.attempts.items()}
        try:
            if unsent and self.rng.random() < 0.5:
                orders.reissue(self.settings, month, artists=unsent, is_withdrawn=True, today=TODAY, **SAYS)
            else:
                orders.reissue(self.settings, month, artists=(), is_withdrawn=False, today=TODAY, **SAYS)
        except Refusal:
            return
        for name, one in self.payments.attempts.items():
            if name not in before:
                assert one.ordered.artist_id not in self.held | self.set_aside
                if one.repeats is not None:
                    assert before[one.repeats] in {PaymentState.CANCELLED, PaymentState.ORDERED}
                    sent = self.bank.transfers.get(one.repeats)
                    assert sent is None or sent.state == "rejected"

    def give_cancelled_back(self) -> None:
        """Give a rejected payment back to the balance instead of ordering it again."""
        for attempt in self.payments.attempts.values():
            if attempt.state is PaymentState.CANCELLED:
                month, artist = attempt.debt
                back = actions.return_payment(self.settings, month, artist, today=TODAY, **SAYS)
                assert back == attempt.ordered.cents + self._withheld_of[month, artist]
                self.given_back[artist] += back
                self.withheld[artist] -= self._withheld_of[month, artist]
                return

    def assert_sound(self) -> None:
        """The register agrees with the books, and the second implementation finds nothing wrong in it."""
        payments = self.payments
        open_balances = balance_entries.open_balances(self.settings)
        assert {artist: open_balances.get(artist, 0) for artist in IBANS} == {
            artist: self.balance(artist) for artist in IBANS
        }
        assert {*payments.holds} == self.held
        assert {artist for artist, _ in payments.set_aside} == self.set_aside
        for ids in payments.debts.values():
            alive = [name for name in ids if payments.attempts[name].cancelled is None]
            assert len(alive) <= 1, alive
        report = Report()
        books = Books()
        log = read_payments(report, self.settings.payouts_dir)
        for month in self.months:
            read = read_month(report, self.settings.payouts_dir / month)
            assert read is not None, report.findings()
            check_taken_up(report, read, log, books.taken_up)
            books.close(read)
        check_payments(report, self.settings.payouts_dir, log, audit_log=AuditLog(), books=books)
        assert report.findings() == ()

    def assert_the_bank_agrees(self) -> None:
        """After every message was imported, the register knows what the bank did, and no cent left twice."""
        messages = [*self.bank.messages]
        self.rng.shuffle(messages)
        for content in messages:
            self.import_message(content)
        payments = self.payments
        assert {one.why for one in payments.unmatched.values()} <= {"unrelated"}
        for one in self.bank.transfers.values():
            attempt = payments.attempts[one.end_to_end_id]
            assert (attempt.executed is not None) == (one.state == "executed"), one
            assert attempt.returned_cents == one.returned, one
            assert (attempt.cancelled is not None) == (one.state == "rejected"), one
        out = Counter[str]()
        for one in self.bank.transfers.values():
            out[self._artist(one.end_to_end_id)] += one.sent_cents
        under_way = Counter[str]()
        for debt, ids in payments.debts.items():
            if payments.attempts[ids[-1]].state in {PaymentState.ORDERED, PaymentState.CANCELLED}:
                under_way[debt[1]] += payments.attempts[ids[-1]].ordered.cents
        for artist in IBANS:
            has = (
                out[artist] + under_way[artist] + self.otherwise[artist] + self.balance(artist) + self.withheld[artist]
            )
            assert has == self.settled[artist], artist

    def _artist(self, end_to_end_id: str) -> str:
        return self.payments.attempts[end_to_end_id].ordered.artist_id

    def _why_carried(self, artist: str, payable: int) -> str:
        if payable <= 0:
            return "negative" if payable else ""
        if artist in self.held:
            return "held"
        if payable < _MINIMUM:
            return "below_minimum"
        return "returned" if artist in self.set_aside else ""

    def _write(
        self,
        month: str,
        rows: list[list[Any]],
        transfers: list[list[Any]],
        withheld: list[list[Any]],
        taken_up: dict[str, Any],
    ) -> None:
        folder = self.settings.payouts_dir / month
        folder.mkdir(parents=True)
        if self.withholds:
            _write_csv(folder / "withholdings.csv", _WITHHELD, withheld)
        _write_csv(folder / "artist_payouts.csv", _ROW, rows)
        _write_csv(folder / "transfers.csv", _TRANSFER, transfers)
        _write_csv(folder / "adjustments.csv", _ADJUSTMENT, [])
        control = _CONTROL | {
            "settlement_month": month,
            **taken_up,
            # The pool keeps the world simple: its shares are all that anybody earns.
            "pool_nanos": sum(row[9] for row in rows) * 10_000_000,
        }
        (folder / "control.json").write_text(json.dumps(control), encoding="utf-8")
        manifest = {
            "format": 2,
            "settlement_month": month,
            "run_hash": f"{len(self.months):064x}",
            "previous_run_hash": "0" * 64,
            "files": {},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


_ROW: Final = (
    "settlement_month,artist_id,artist_name,category,watch_ms,paying_subscribers,direct_nanos,pool_nanos,earned_nanos,"
    "earned_cents,adjustment_cents,brought_forward_cents,paid_cents,carried_forward_cents,carry_reason"
)
_TRANSFER: Final = (
    "settlement_month,end_to_end_id,artist_id,account_holder,iban,bic,street,postcode,town,country,paid_cents,"
    "withheld_cents,ordered_cents"
)
_WITHHELD: Final = "settlement_month,artist_id,name,owed_to,rate_bp,base_cents,withheld_cents"
_ADJUSTMENT: Final = "settlement_month,corrects_month,artist_id,booked_cents,recomputed_cents,adjustment_cents"
_CONTROL: Final[dict[str, Any]] = {
    **dict.fromkeys(
        (
            "periods", "idle_periods", "envelope_nanos", "direct_nanos", "pool_nanos", "earned_cents",
            "adjustment_cents", "envelope_cents", "earned_nanos", "brought_forward_cents", "paid_cents",
            "paid_artists", "carried_forward_cents",
        ),
        0,
    ),
    "pool_members": [],
    "policy": _POLICY,
    "payment_date": "2021-02-10",
    "raw_versions": {},
    "adjustments": {},
    "amendments": [],
}  # fmt: skip


def settings_of(home: Path, *, most_per_order: int | None) -> Settings:
    """The settings of a data home of the world."""
    return Settings(
        home=home,
        payer_name="Allive SAS",
        payer_iban=OUR_ACCOUNT,
        payer_bic="BNPAFRPP",
        payer_street="1 rue de la Paix",
        payer_postcode="75002",
        payer_town="Paris",
        order_max_transfers=most_per_order,
    )


def assert_refused(act: Any) -> None:
    """Check that a command is refused."""
    try:
        act()
    except Refusal:
        return
    raise AssertionError("it was not refused")


def _write_csv(path: Path, header: str, rows: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header.split(","), *rows])


def make_world(home: Path, seed: int) -> World:
    """Return a world in an empty data home. Worlds of odd seeds withhold."""
    rng = Random(seed)
    return World(home, rng, Bank(rng), most_per_order=rng.choice((None, 2)), withholds=seed % 2 == 1)
