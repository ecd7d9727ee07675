"""Runs the two years: what lands before each close, the close by product and oracle, and the comparison of both."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final

from allive.payouts import requests
from allive.payouts.payments import actions, balance_entries, orders
from allive.payouts.verification import verify
from tests.oracle import History, Snapshot, read_landing, settle
from tests.oracle.settlement import envelope_cents, is_payable, last_day, months_later
from tests.payment_world.bank import Bank, Ordered
from tests.pipeline import Pipeline
from tests.properties.pipeline import assert_closed_month_agrees
from tests.two_years.books import ClosedMonth, artists_of, assert_control_totals_agree, is_settled
from tests.two_years.cast import REGULARS, Records, ordinary_month, refund, watching

WHY: Final = "two years in the tests"
TODAY: Final = date(2022, 12, 1)
"""The day of whatever people do to payments; no figure depends on it."""
LATE_LIVE: Final = "givre"
"""The live of all late uploads; the regulars do not watch it otherwise."""


@dataclass
class Story:
    """One data home, month after month; the oracle reads the same landing folder."""

    pipeline: Pipeline
    history: History = field(default_factory=History)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    closed: dict[str, ClosedMonth] = field(default_factory=dict)
    amended_by: dict[str, str] = field(default_factory=dict)
    """Amended month → the run whose catalogue the month took over."""
    returned_cents: Counter[str] = field(default_factory=Counter)
    written_off_cents: Counter[str] = field(default_factory=Counter)
    otherwise_cents: Counter[str] = field(default_factory=Counter)
    bank: Bank = field(default_factory=lambda: Bank(Random(17)))
    _imported: int = 0
    _of_afterthoughts: str | None = None
    _hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    _log: bytes = b""

    @property
    def last(self) -> ClosedMonth:
        """The month that closed last."""
        return self.closed[max(self.closed)]

    def lands(self, *records: Records) -> None:
        """Deliver records, in one file per record type."""
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record_type, row in (record for some in records for record in some):
            rows[record_type].append(row)
        for record_type, of_type in rows.items():
            folder = self.pipeline.landing / record_type
            folder.mkdir(exist_ok=True)
            path = folder / f"{len(list(folder.iterdir())):03}.ndjson"
            path.write_text("".join(f"{json.dumps(row)}\n" for row in of_type), encoding="utf-8")

    def ordinary_month_lands(self, month: str) -> None:
        """Deliver the periods and heartbeats of a month."""
        self.lands(ordinary_month(month))

    def afterthoughts_land(self) -> None:
        """Deliver a late upload and a refund of the last closed month."""
        month = self.last.name
        late, refunded = _turns(month)
        self.lands(watching(late, LATE_LIVE, on=f"{month}-20", minutes=1), refund(refunded, month))
        self._of_afterthoughts = month

    def amend(self, month: str) -> None:
        """Amend a closed month, so that the next close settles it with the catalogue of that day."""
        requests.amend(self.pipeline.settings, month, why=WHY, operator="tests")
        self.history.amend(month)
        self.amended_by[month] = months_later(self.last.name, 1)

    def return_payment(self, month: str, name: str) -> int:
        """Record a transfer that the bank returned; return its cents."""
        settings, artist_id = self.pipeline.settings, f"art-{name}"
        cents = actions.return_payment(settings, month, artist_id, why=WHY, operator="tests", today=TODAY)
        paid = self.closed[month].transfers[self.closed[month].lines[name].number]
        assert cents == self.history.return_payment(month, artist_id, iban=paid.iban)
        self.returned_cents[name] += cents
        return cents

    def order_goes_to_the_bank(self) -> dict[str, Ordered]:
        """Send the last month's newest order; return its transfers by the artists' names."""
        newest = max((self.pipeline.settings.payouts_dir / "orders").glob(f"ALV-{self.last.name}-*.xml"))
        before = {*self.bank.transfers}
        self.bank.receive(newest.read_bytes())
        names = {line.number: name for name, line in self.last.lines.items()}
        return {
            names[number[: len("ALV-2020-07-00001")]]: one
            for number, one in self.bank.transfers.items()
            if number not in before
        }

    def bank_returns(self, one: Ordered, name: str, *, cents: int, code: str) -> None:
        """Let the bank return an executed transfer; by the rules it is in the balance, and its IBAN is set aside."""
        self.bank.give_back(one, cents, code)
        self.history.return_payment(self.last.name, f"art-{name}", iban=one.iban, cents=cents)
        self.returned_cents[name] += cents

    def import_answers(self, messages: Iterable[bytes]) -> int:
        """Import messages of the bank; return how many movements were new."""
        new = 0
        for content in messages:
            self._imported += 1
            path = self.pipeline.settings.home / f"answer-{self._imported}.xml"
            path.write_bytes(content)
            found = actions.import_answer(self.pipeline.settings, path, why=WHY, operator="tests")
            assert not [fact for fact in found.facts if fact.kind == "unmatched"]
            new += len([fact for fact in found.facts if fact.kind != "confirmed"])
        return new

    def hold(self, name: str, *, is_held: bool = True) -> None:
        """Hold an artist's payments, or lift the hold."""
        act = actions.hold if is_held else actions.unhold
        act(self.pipeline.settings, f"art-{name}", why=WHY, operator="tests")
        self.history.hold(f"art-{name}", is_held=is_held)

    def confirm_iban(self, name: str, iban: str) -> None:
        """Confirm an artist's IBAN."""
        actions.confirm_iban(self.pipeline.settings, f"art-{name}", iban, why=WHY, operator="tests")
        self.history.confirm_iban(f"art-{name}", iban)

    def pay_by_cheque(self, name: str, cents: int) -> None:
        """Pay a part of an artist's balance by cheque."""
        by_cheque = {"cents": cents, "means": "cheque 7", "paid_on": TODAY}
        actions.settle(self.pipeline.settings, f"art-{name}", why=WHY, operator="tests", **by_cheque)
        self.history.pay_otherwise(f"art-{name}", cents)
        self.otherwise_cents[name] += cents

    def reissue(self) -> None:
        """Order again what was cancelled of the last month."""
        settings, month = self.pipeline.settings, self.last.name
        orders.reissue(settings, month, artists=(), is_withdrawn=False, why=WHY, operator="tests", today=TODAY)

    def write_off(self, name: str) -> int:
        """Write off a negative balance; return the cents written off."""
        cents = balance_entries.write_off(self.pipeline.settings, f"art-{name}", why=WHY, operator="tests")
        assert cents == self.history.write_off(f"art-{name}")
        self.written_off_cents[name] += cents
        return cents

    def close(self, month: str) -> ClosedMonth:
        """Load new files, close by product and oracle, compare the two, and check that the books are consistent."""
        self.pipeline.load()
        run = self.pipeline.close(month)
        data = self.snapshots[month] = read_landing(self.pipeline.landing)
        expected = self.history.close(month, data)
        assert run.path is not None
        assert_closed_month_agrees(run.path, expected)
        before = self.closed.get(months_later(month, -1))
        closed = self.closed[month] = ClosedMonth(run.path)
        assert_control_totals_agree(closed, before)
        self._assert_open_envelopes_agree(closed)
        self._assert_nothing_closed_has_changed()
        self._assert_afterthoughts_show(closed)
        return closed

    def _assert_afterthoughts_show(self, closed: ClosedMonth) -> None:
        month, self._of_afterthoughts = self._of_afterthoughts, None
        if month is None:
            return
        late, refunded = (f"{name}-{month}" for name in _turns(month))
        booked, again = self.closed[month].slices, closed.resettled[month]
        assert LATE_LIVE in artists_of(again, late) - artists_of(booked, late)
        assert is_settled(booked, refunded)
        assert not is_settled(again, refunded)

    def _assert_open_envelopes_agree(self, closed: ClosedMonth) -> None:
        """Open envelopes: of paid periods that have begun by the month's end and are settled later."""
        policy = self.history.policy
        cents = [
            envelope_cents(period, policy)
            for period in self.snapshots[closed.name].periods.values()
            if is_payable(period, policy)
            and period.period_start <= last_day(closed.name)
            and self.history.settlement_month(period) > closed.name
        ]
        assert (closed.control["open_periods"], closed.control["open_envelope_cents"]) == (len(cents), sum(cents))

    def _assert_nothing_closed_has_changed(self) -> None:
        for month, closed in self.closed.items():
            hashes = closed.hashes()
            assert hashes == self._hashes.setdefault(month, hashes), month
        log = (self.pipeline.settings.payouts_dir / "audit.ndjson").read_bytes()
        assert log.startswith(self._log)
        self._log = log

    def assert_every_artist_has_what_is_theirs(self) -> None:
        """Settle each month once more with the oracle, in one pass, on the data and the catalogue that apply to it.

        Paid + otherwise - returned + balance = settled + written off, for every artist, to the cent. The data that
        apply to a month are those of the last run that could adjust it.
        """
        theirs = Counter(self.written_off_cents)
        for month in self.closed:
            theirs.update(self._settled_at_one_go(month))
        have: Counter[str] = Counter()
        for closed in self.closed.values():
            have.update({name: line.paid_cents for name, line in closed.lines.items()})
        have.subtract(self.returned_cents)
        have.update(self.otherwise_cents)
        have.update({name: line.carried_forward_cents for name, line in self.last.lines.items()})
        assert {name: cents for name, cents in have.items() if cents} == {
            name: cents for name, cents in theirs.items() if cents
        }

    def assert_verified(self) -> None:
        """`allive verify` finds nothing, and leaves no month unchecked."""
        verification = verify(self.pipeline.settings)
        assert verification.months == tuple(self.closed)
        assert verification.findings == ()
        assert {one.month for one in verification.unchecked}.isdisjoint(self.closed)

    def _settled_at_one_go(self, month: str) -> dict[str, int]:
        history = self.history
        data = self.snapshots[min(months_later(month, history.policy.look_back_months), self.last.name)]
        settlement = settle(
            month,
            [period for period in data.periods.values() if history.booked_periods.get(period.period_id) == month],
            watch=data.watch,
            catalogue=self.snapshots[self.amended_by.get(month, month)].catalogue,
            artists=data.artists,
            policy=history.policy,
        )
        return {artist_id.removeprefix("art-"): cents for artist_id, cents in settlement.earned_cents.items()}


def _turns(month: str) -> tuple[str, str]:
    """The subscribers whose turn it is, after the close of a month, to upload late and to be refunded."""
    number = int(month[-2:])
    return REGULARS[number % len(REGULARS)], REGULARS[(number + 3) % len(REGULARS)]
