"""The register of payments, the bank's answers and what people decide, one case at a time (RULES.md §10)."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random

import pytest

from allive.payouts import chained_log
from allive.payouts.closed_month.books import Books
from allive.payouts.closed_month.findings import Report
from allive.payouts.errors import Refusal
from allive.payouts.payments import actions, balance_entries, orders
from allive.payouts.payments.facts import BankReason, Ordered, OrderFile, Returned, content_of
from allive.payouts.payments.register import RegisterError, read_register, register_path
from allive.payouts.payments.state import Attempt, ContradictionError, PaymentState, payments_of
from allive.payouts.verification.payments import check_payments, read_payments
from allive.payouts.verification.seals import AuditLog
from tests.bank_messages import (
    OUR_ACCOUNT,
    Entry,
    Reported,
    Transfer,
    account_report,
    status_report,
)
from tests.payment_world.bank import Bank
from tests.payment_world.world import IBANS, SAYS, TODAY, World

MONTH = "2021-01"
ANNA, BOB = "ALV-2021-01-00001", "ALV-2021-01-00002"
CENTS = 1_500


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A month that pays 15.00 EUR to each of four artists, by one order."""
    rng = Random(1)
    world = World(tmp_path / "home", rng, Bank(rng), most_per_order=None)
    world.close(earned=CENTS)
    return world


def state(world: World, end_to_end_id: str) -> PaymentState:
    return world.payments.attempts[end_to_end_id].state


def message_id(world: World) -> str:
    return world.payments.attempts[ANNA].order.message_id


def transfer(name: str = ANNA, *, cents: int = CENTS, **changes: object) -> Transfer:
    artist = "anna" if name == ANNA else "bob"
    sides = ("Allive SAS", OUR_ACCOUNT, artist.title(), IBANS[artist])
    values = {"amount": f"{cents / 100:.2f}", "end_to_end_id": name, "sides": sides, "reference": "B1"} | changes
    return Transfer(**values)  # type: ignore[arg-type]


def debit(one: Transfer, **changes: object) -> Entry:
    values = {"amount": one.amount, "direction": "DBIT", "transfers": (one,), "reference": one.reference} | changes
    return Entry(**values)  # type: ignore[arg-type]


def credit(one: Transfer, **changes: object) -> Entry:
    return debit(one, **({"direction": "CRDT", "family": "RCDT/RRTN"} | changes))


def imported(world: World, *entries: Entry, kind: str = "053", number: int = 1) -> actions.Import:
    return read(world, account_report(kind, "08", entries, balances=None, number=number))


def read(world: World, content: bytes) -> actions.Import:
    path = world.home / "answer.xml"
    path.write_bytes(content)
    return actions.import_answer(world.settings, path, **SAYS)


def unmatched(found: actions.Import) -> list[str]:
    return [fact.why for fact in found.facts if fact.kind == "unmatched"]


def findings(world: World) -> set[str]:
    report = Report()
    log = read_payments(report, world.settings.payouts_dir)
    books = Books(paid={MONTH: Counter(dict.fromkeys(IBANS, CENTS))})
    check_payments(report, world.settings.payouts_dir, log, audit_log=AuditLog(), books=books)
    return {finding.what for finding in report.findings()}


def test_an_order_asks_for_the_next_business_day_and_has_a_line(world: World) -> None:
    ((message, order),) = world.payments.orders.items()
    assert order.requested_on == date(2026, 11, 30), "a Monday: the payment date is long past"
    assert order.path == f"orders/{message}.xml"
    assert {state(world, name) for name in world.payments.attempts} == {PaymentState.ORDERED}
    assert orders.order_month(world.settings, MONTH, operator="zoe", today=TODAY) == [], "ordered once"


def test_a_return_goes_to_the_balance_and_sets_the_iban_aside_until_somebody_confirms_it(world: World) -> None:
    returned = {"why": "AC04 account closed", "operator": "zoe", "today": TODAY}
    assert actions.return_payment(world.settings, MONTH, "anna", **returned) == CENTS
    assert state(world, ANNA) is PaymentState.RETURNED
    assert balance_entries.open_balances(world.settings) == {"anna": CENTS}
    assert world.payments.standing("anna").ibans_set_aside == {IBANS["anna"]}
    (one,) = world.payments.attempts[ANNA].returns.values()
    assert one.reason.meaning.english == "the account is closed"
    with pytest.raises(Refusal, match="returned already"):
        actions.return_payment(world.settings, MONTH, "anna", **returned)
    actions.confirm_iban(world.settings, "anna", IBANS["anna"].lower(), **SAYS)
    assert world.payments.standing("anna").ibans_confirmed == {IBANS["anna"]}
    assert not world.payments.set_aside


def test_parts_come_back_up_to_the_whole(world: World) -> None:
    for cents in (400, 1_100):
        actions.return_payment(world.settings, MONTH, "anna", cents=cents, today=TODAY, **SAYS)
    assert state(world, ANNA) is PaymentState.RETURNED
    with pytest.raises(Refusal):
        actions.return_payment(world.settings, MONTH, "anna", cents=1, today=TODAY, **SAYS)
    for cents in (0, 1_501):
        with pytest.raises(Refusal, match=r"at most 15\.00 EUR: what has not come back"):
            actions.return_payment(world.settings, MONTH, "bob", cents=cents, today=TODAY, **SAYS)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_withheld_comes_back_in_proportion_and_wholly_in_the_end(seed: int) -> None:
    rng = Random(seed)
    withheld = rng.randrange(500)
    ordered = Ordered(
        end_to_end_id=ANNA,
        settlement_month=MONTH,
        artist_id="anna",
        cents=CENTS,
        withheld_cents=withheld,
        iban="",
        name="",
    )
    order = OrderFile(message_id="m", path="p", sha256="0" * 64, requested_on=TODAY)
    attempt = Attempt("f", ordered, order, "")
    left = CENTS
    while left:
        cents = rng.randrange(1, left + 1)
        back = attempt.withheld_back_cents(cents)
        assert 0 <= back <= withheld
        attempt.returns[str(left)] = Returned(
            end_to_end_id=ANNA, cents=cents, withheld_back_cents=back, booked_on=TODAY, reason=BankReason()
        )
        left -= cents
    assert sum(one.withheld_back_cents for one in attempt.returns.values()) == withheld


def test_only_a_cancelled_order_is_given_again_and_its_old_id_is_never_executed(world: World) -> None:
    with pytest.raises(Refusal, match="the bank can still execute it"):
        orders.reissue(world.settings, MONTH, artists=["anna"], is_withdrawn=False, today=TODAY, **SAYS)
    actions.cancel(world.settings, MONTH, artists=["anna"], **SAYS)
    again = orders.reissue(world.settings, MONTH, artists=(), is_withdrawn=False, today=TODAY, **SAYS)
    assert [(one.transfers, one.cents) for one in again.orders] == [(1, CENTS)]
    assert len(again.passed_over) == 3, "the others wait for the bank"
    assert (state(world, ANNA), state(world, f"{ANNA}-2")) == (PaymentState.REORDERED, PaymentState.ORDERED)
    assert unmatched(imported(world, debit(transfer()))) == ["executed_after_cancelled"]
    assert not unmatched(imported(world, debit(transfer(end_to_end_id=f"{ANNA}-2")), number=2))
    assert state(world, f"{ANNA}-2") is PaymentState.EXECUTED
    with pytest.raises(Refusal, match="is executed"):
        orders.reissue(world.settings, MONTH, artists=["anna"], is_withdrawn=True, today=TODAY, **SAYS)


def test_an_order_that_was_never_sent_is_cancelled_by_the_line_that_gives_it_again(world: World) -> None:
    before = len(read_register(world.settings).lines)
    orders.reissue(world.settings, MONTH, artists=(), is_withdrawn=True, today=TODAY, **SAYS)
    assert len(read_register(world.settings).lines) == before + 1
    assert [state(world, name) for name in (ANNA, f"{ANNA}-2")] == [PaymentState.REORDERED, PaymentState.ORDERED]
    assert not findings(world)


def test_a_cancelled_order_can_go_back_to_the_balance_instead(world: World) -> None:
    actions.cancel(world.settings, message_id(world), artists=["anna"], **SAYS)
    assert not world.payments.set_aside, "the account is as good as before"
    assert balance_entries.open_balances(world.settings) == {}
    assert actions.return_payment(world.settings, MONTH, "anna", today=TODAY, **SAYS) == CENTS
    assert state(world, ANNA) is PaymentState.GIVEN_BACK
    assert balance_entries.open_balances(world.settings) == {"anna": CENTS}
    with pytest.raises(Refusal, match="given_back"):
        orders.reissue(world.settings, MONTH, artists=["anna"], is_withdrawn=True, today=TODAY, **SAYS)


def test_nothing_is_ordered_again_for_somebody_who_is_held_or_to_an_iban_set_aside(world: World) -> None:
    actions.cancel(world.settings, MONTH, artists=["anna"], **SAYS)
    actions.cancel(world.settings, MONTH, artists=["bob"], why="AC01 no such account", operator="zoe")
    actions.hold(world.settings, "anna", **SAYS)
    for artist, reason in (("anna", "is held since"), ("bob", "is set aside")):
        with pytest.raises(Refusal, match=reason):
            orders.reissue(world.settings, MONTH, artists=[artist], is_withdrawn=False, today=TODAY, **SAYS)


def test_a_payment_made_otherwise_is_never_more_than_the_balance(world: World) -> None:
    by_cheque = {"means": "cheque 7", "paid_on": TODAY}
    with pytest.raises(Refusal, match=r"balance of 0\.00 EUR"):
        actions.settle(world.settings, "anna", cents=1, **by_cheque, **SAYS)
    actions.return_payment(world.settings, MONTH, "anna", today=TODAY, **SAYS)
    with pytest.raises(Refusal, match=r"balance of 15\.00 EUR"):
        actions.settle(world.settings, "anna", cents=1_501, **by_cheque, **SAYS)
    assert actions.settle(world.settings, "anna", cents=1_500, **by_cheque, **SAYS) == 0
    assert balance_entries.open_balances(world.settings) == {}


def test_a_movement_counts_once_in_whatever_file_it_comes(world: World) -> None:
    assert [fact.kind for fact in imported(world, debit(transfer()), kind="054").facts] == ["executed"]
    again = imported(world, debit(transfer()), kind="054")
    assert again.is_known_file
    assert (imported(world, debit(transfer()), kind="054", number=2).facts, again.facts) == ((), ())
    other_reference = imported(world, debit(transfer(reference="X9")))
    assert [fact.kind for fact in other_reference.facts] == ["confirmed"], "the statement after the notification"
    assert unmatched(imported(world, debit(transfer(reference="X10")), number=9)) == ["executed_twice"]


def test_a_person_was_faster_than_the_bank(world: World) -> None:
    actions.mark_executed(world.settings, MONTH, artists=["anna"], booked_on=TODAY, **SAYS)
    actions.return_payment(world.settings, MONTH, "anna", today=TODAY, **SAYS)
    found = imported(world, debit(transfer()), credit(transfer(direction="CRDT", is_returned=True, reference="B2")))
    assert [fact.kind for fact in found.facts] == ["confirmed", "confirmed"]
    twice = imported(world, debit(transfer(reference="B7")), number=2)
    assert unmatched(twice) == ["executed_twice"], "the bank has executed it twice"


def test_a_return_can_come_before_its_execution_and_in_parts(world: World) -> None:
    part = transfer(cents=500, direction="CRDT", is_returned=True, code="MS03", reference="B2")
    imported(world, credit(part))
    assert state(world, ANNA) is PaymentState.PARTLY_RETURNED
    imported(world, debit(transfer()), number=2)
    rest = transfer(cents=1_000, direction="CRDT", is_returned=True, reference="B3")
    imported(world, credit(rest), number=3)
    assert state(world, ANNA) is PaymentState.RETURNED
    assert balance_entries.open_balances(world.settings) == {"anna": CENTS}


def test_charges_on_the_way_are_the_platforms(world: World) -> None:
    less = transfer(
        cents=1_400, direction="CRDT", is_returned=True, reference="B2", charges=(("1.00", "DBIT"),), ordered="15.00"
    )
    imported(world, debit(transfer()), credit(less))
    (one,) = world.payments.attempts[ANNA].returns.values()
    assert (one.cents, one.charges_cents) == (CENTS, 100)


def test_a_whole_order_in_one_sum_executes_all_of_it(world: World) -> None:
    order = message_id(world)
    imported(world, Entry("60.00", "DBIT", batch=(order, order, 4)))
    assert {state(world, name) for name in world.payments.attempts} == {PaymentState.EXECUTED}


UNCLEAR: dict[str, Callable[[World], Entry]] = {
    "other_amount": lambda _: debit(transfer(cents=1_499)),
    "other_account": lambda _: debit(transfer(sides=("Allive SAS", OUR_ACCOUNT, "Anna", IBANS["dune"]))),
    "other_currency": lambda _: debit(transfer(currency="CHF"), currency="CHF"),
    "bank_reversal": lambda _: debit(transfer(), is_reversal=True),
    "unrelated": lambda _: Entry("15.00", "DBIT", words="LOYER"),
    "unknown_order": lambda _: Entry("60.00", "DBIT", batch=("ALV-2020-12-1", "ALV-2020-12-1", 4)),
    "unknown_id": lambda _: debit(transfer(end_to_end_id="ALV-2020-12-00001", message_id="ALV-2020-12-1")),
    "return_without_id": lambda _: credit(transfer(end_to_end_id=None, direction="CRDT", is_returned=True)),
    "too_much": lambda _: credit(transfer(cents=1_501, direction="CRDT", is_returned=True)),
    "ambiguous": lambda world: credit(
        transfer(
            end_to_end_id=None, direction="CRDT", is_returned=True, message_id=message_id(world), sides=(None,) * 4
        )
    ),
}


@pytest.mark.parametrize("why", UNCLEAR)
def test_nothing_is_guessed(world: World, why: str) -> None:
    before = {name: one.state for name, one in world.payments.attempts.items()}
    found = imported(world, UNCLEAR[why](world))
    assert unmatched(found) == [why]
    assert {name: one.state for name, one in world.payments.attempts.items()} == before
    (waiting,) = world.payments.unmatched
    actions.dismiss(world.settings, waiting, **SAYS)
    assert not world.payments.unmatched
    assert imported(world, UNCLEAR[why](world), number=2).known == 1, "it is known, and waits no more"


def test_a_rejection_of_one_transfer_cancels_it_alone(world: World) -> None:
    order = message_id(world)
    reported = (
        Reported(ANNA, "RJCT", (("AC01", None, ()),), "15.00", IBANS["anna"]),
        Reported(BOB, "ACSP"),
    )
    read(world, status_report("03", blocks=[(order, "PART", reported)], order=order))
    assert (state(world, ANNA), state(world, BOB)) == (PaymentState.CANCELLED, PaymentState.ORDERED)
    assert world.payments.standing("anna").ibans_set_aside == {IBANS["anna"]}, "the account is wrong"
    bob = world.payments.attempts[BOB].reported
    assert bob is not None
    assert bob.code == "ACSP"


def test_a_rejection_of_all_cancels_all_and_a_late_one_waits_for_a_person(world: World) -> None:
    order = message_id(world)
    rejected = status_report("03", group_status="RJCT", group_reasons=(("AM04", None, ()),), order=order)
    read(world, rejected)
    assert {state(world, name) for name in world.payments.attempts} == {PaymentState.CANCELLED}
    assert not world.payments.set_aside
    actions.undo(world.settings, read_register(world.settings).head, **SAYS)
    imported(world, debit(transfer()))
    assert unmatched(read(world, rejected)) == ["rejected_after_executed"]


def test_a_file_whose_facts_were_taken_back_can_be_imported_again(world: World) -> None:
    imported(world, debit(transfer()))
    head = read_register(world.settings).head
    actions.undo(world.settings, f"{head[:10]}:0", **SAYS)
    assert state(world, ANNA) is PaymentState.ORDERED
    with pytest.raises(Refusal, match="taken back before"):
        actions.undo(world.settings, head[:10], **SAYS)
    assert not imported(world, debit(transfer())).is_known_file
    assert state(world, ANNA) is PaymentState.EXECUTED


def test_what_was_built_upon_or_taken_up_is_not_undone(world: World) -> None:
    actions.cancel(world.settings, MONTH, artists=["anna"], **SAYS)
    cancelled = read_register(world.settings).head
    orders.reissue(world.settings, MONTH, artists=["anna"], is_withdrawn=False, today=TODAY, **SAYS)
    with pytest.raises(Refusal, match="A later line builds on it"):
        actions.undo(world.settings, cancelled, **SAYS)
    with pytest.raises(Refusal, match="an order is cancelled"):
        actions.undo(world.settings, read_register(world.settings).head, **SAYS)
    actions.return_payment(world.settings, MONTH, "bob", today=TODAY, **SAYS)
    returned = read_register(world.settings).head
    world.given_back["bob"] += CENTS
    world.set_aside.add("bob")
    world.close(earned=0)
    assert balance_entries.pending_entries(world.settings) == (), "the run took it up, once"
    with pytest.raises(Refusal, match="The run of 2021-02 has taken it into a balance"):
        actions.undo(world.settings, returned, **SAYS)


@pytest.mark.parametrize("why", ["", "  "])
def test_nothing_is_recorded_without_a_reason(world: World, why: str) -> None:
    with pytest.raises(Refusal, match="Found no reason"):
        actions.hold(world.settings, "anna", why=why, operator="zoe")


def test_a_changed_line_stops_everything_and_verification_finds_it(world: World) -> None:
    actions.hold(world.settings, "anna", **SAYS)
    path = register_path(world.settings)
    path.write_bytes(path.read_bytes().replace(b'"held", "artist_id": "anna"', b'"held", "artist_id": "dune"'))
    with pytest.raises(RegisterError, match="Line 2 of"):
        read_register(world.settings)
    assert "line 2, sha256" in findings(world)


def test_a_register_that_lost_its_last_order_is_noticed_and_orders_nothing_again(world: World) -> None:
    register_path(world.settings).write_bytes(b"")
    assert findings(world) == {"lines", "file"}, "the order has no line"
    with pytest.raises(RegisterError, match="the register has lost lines"):
        orders.order_month(world.settings, MONTH, operator="zoe", today=TODAY)


def test_an_order_file_that_was_changed_or_is_gone_is_found(world: World) -> None:
    path = world.settings.payouts_dir / world.payments.attempts[ANNA].order.path
    content = path.read_bytes()
    path.write_bytes(content.replace(IBANS["anna"].encode(), IBANS["dune"].encode()))
    assert findings(world) == {"SHA-256", "transfers"}
    path.unlink()
    assert findings(world) == {"file"}


FORGED = {
    "ordered while under way": [
        {
            "kind": "ordered",
            "end_to_end_id": f"{ANNA}-2",
            "settlement_month": MONTH,
            "artist_id": "anna",
            "cents": CENTS,
            "iban": IBANS["anna"],
            "name": "Anna",
        }
    ],
    "executed twice": [{"kind": "executed", "end_to_end_id": ANNA, "booked_on": "2021-02-10"}] * 2,
    "executed and cancelled": [
        {"kind": "cancelled", "end_to_end_id": ANNA},
        {"kind": "executed", "end_to_end_id": ANNA, "booked_on": "2021-02-10"},
    ],
    "more came back": [{"kind": "returned", "end_to_end_id": ANNA, "cents": 1_501, "booked_on": "2021-02-10"}],
    "given back alive": [{"kind": "given_back", "end_to_end_id": ANNA}],
    "cancelled after it moved": [
        {"kind": "executed", "end_to_end_id": ANNA, "booked_on": "2021-02-10"},
        {"kind": "cancelled", "end_to_end_id": ANNA},
    ],
    "never ordered": [{"kind": "executed", "end_to_end_id": "ALV-2021-01-00009", "booked_on": "2021-02-10"}],
    "held twice": [{"kind": "held", "artist_id": "anna"}] * 2,
    "not held": [{"kind": "unheld", "artist_id": "anna"}],
    "withheld given back": [
        {"kind": "returned", "end_to_end_id": ANNA, "cents": 1, "withheld_back_cents": 1, "booked_on": "2021-02-10"}
    ],
}


@pytest.mark.parametrize("forged", FORGED)
def test_what_cannot_have_happened_is_not_read_and_verification_finds_it(world: World, forged: str) -> None:
    """A forger has sealed the line as the product does, so that the chain is whole."""
    order = content_of(world.payments.attempts[ANNA].order)
    content = {"operator": "zoe", "event": "imported", "why": "-", "order": order, "facts": FORGED[forged]}
    chained_log.append(register_path(world.settings), content, format_number=1)
    assert "contradictions" in findings(world)
    with pytest.raises(ContradictionError):
        payments_of(read_register(world.settings))
