"""Faults in the register of payments, in the matching of the bank's answers, and in what is decided about them."""

from typing import Final

from tests.mutants.mutant import Mutant

_CASES: Final = "tests/unit/payouts/test_payments.py"
_STATE: Final = "payouts/payments/state.py"
_MATCHING: Final = "payouts/payments/matching.py"
_ORDERS: Final = "payouts/payments/orders.py"
_SECOND: Final = "payouts/verification/payments.py"
_FORGED: Final = f"{_CASES}::test_what_cannot_have_happened_is_not_read_and_verification_finds_it"
_UNCLEAR: Final = f"{_CASES}::test_nothing_is_guessed"
_AGAIN: Final = f"{_CASES}::test_only_a_cancelled_order_is_given_again_and_its_old_id_is_never_executed"
_NOT_TO_THEM: Final = f"{_CASES}::test_nothing_is_ordered_again_for_somebody_who_is_held_or_to_an_iban_set_aside"

MUTANTS: Final = (
    Mutant(
        name="ordered_while_under_way",
        rule="§10 no order is executed twice: only a cancelled one is ordered again",
        file=_STATE,
        before="            if before.state is not PaymentState.CANCELLED:\n",
        after="            if before.state is PaymentState.EXECUTED:\n",
        killed_by=_FORGED,
    ),
    Mutant(
        name="cancelled_order_executed",
        rule="§10 an order that was cancelled is never executed",
        file=_STATE,
        before='            _contradict("executed_after_cancelled", ',
        after='            fact.end_to_end_id or _contradict("executed_after_cancelled", ',
        killed_by=_AGAIN,
    ),
    Mutant(
        name="more_comes_back_than_was_ordered",
        rule="§10 a return gives back at most what was ordered",
        file=_STATE,
        before="        left = attempt.ordered.cents - attempt.returned_cents\n",
        after="        left = attempt.ordered.cents + 1\n",
        killed_by=_UNCLEAR,
    ),
    Mutant(
        name="returned_iban_stays_in_use",
        rule="§10 a return sets the IBAN aside",
        file=_STATE,
        before="        self.set_aside[key] = SetAside(fact_id, attempt.end_to_end_id, reason, line.at)\n",
        after="        SetAside(fact_id, attempt.end_to_end_id, reason, line.at)\n",
        killed_by=f"{_CASES}::test_a_return_goes_to_the_balance_and_sets_the_iban_aside_until_somebody_confirms_it",
    ),
    Mutant(
        name="withheld_given_back_at_once",
        rule="§10 a part that comes back gives back its part of what was withheld",
        file=_STATE,
        before="        return withheld * (self.returned_cents + cents) // self.ordered.cents - given_back\n",
        after="        return withheld * (self.returned_cents + cents) // self.ordered.cents\n",
        killed_by=f"{_CASES}::test_what_was_withheld_comes_back_in_proportion_and_wholly_in_the_end",
    ),
    Mutant(
        name="any_amount_matches",
        rule="§10 an id alone matches nothing: the amount must be the order's",
        file=_MATCHING,
        before="        if movement.cents not in {ordered.cents, ordered.cents + max(movement.charges_cents, 0)}:\n",
        after="        if movement.cents <= 0:\n",
        killed_by=_UNCLEAR,
    ),
    Mutant(
        name="any_account_matches",
        rule="§10 an id alone matches nothing: the account must be the order's",
        file=_MATCHING,
        before="        if iban is not None and electronic(iban) != attempt.ordered.iban:\n",
        after="        if iban is not None and not electronic(iban):\n",
        killed_by=_UNCLEAR,
    ),
    Mutant(
        name="ambiguous_movement_guessed",
        rule="§10 what does not match is listed, never guessed",
        file=_MATCHING,
        before="        if len(found) != 1:\n",
        after="        if not found:\n",
        killed_by=_UNCLEAR,
    ),
    Mutant(
        name="movement_counts_in_each_file",
        rule="§10 a movement counts once, in whatever file it comes",
        file=_MATCHING,
        before="            self.result.known += 1\n            return\n        try:\n",
        after="            self.result.known += 0\n        try:\n",
        killed_by=_UNCLEAR,
    ),
    Mutant(
        name="confirmed_by_every_statement",
        rule="§10 two movements of one kind of message are two",
        file=_MATCHING,
        before="        if earlier is None or self._message in self._payments.confirmed_by[fact_id]:\n",
        after="        if earlier is None:\n",
        killed_by=f"{_CASES}::test_a_movement_counts_once_in_whatever_file_it_comes",
    ),
    Mutant(
        name="held_artist_ordered_again",
        rule="§10 a hold carries everything",
        file=_ORDERS,
        before="    if (hold := payments.holds.get(line.artist_id)) is not None:\n",
        after="    if (hold := payments.holds.get(line.end_to_end_id)) is not None:\n",
        killed_by=_NOT_TO_THEM,
    ),
    Mutant(
        name="ordered_again_to_an_iban_set_aside",
        rule="§10 nothing is ordered to an IBAN that is set aside",
        file=_ORDERS,
        before="    if (line.artist_id, iban) in payments.set_aside:\n",
        after="    if (line.end_to_end_id, iban) in payments.set_aside:\n",
        killed_by=_NOT_TO_THEM,
    ),
    Mutant(
        name="order_at_the_bank_given_again",
        rule="§10 an order that the bank can still execute is not given again",
        file=_ORDERS,
        before="        if not is_withdrawn:\n",
        after="        if not line.end_to_end_id:\n",
        killed_by=_AGAIN,
    ),
    Mutant(
        name="lost_register_orders_again",
        rule="§10 no order is given twice, even if the register lost its lines",
        file=_ORDERS,
        before="        if final.exists():\n",
        after="        if not final.name:\n",
        killed_by=f"{_CASES}::test_a_register_that_lost_its_last_order_is_noticed_and_orders_nothing_again",
    ),
    Mutant(
        name="cheque_above_the_balance",
        rule="§10 a payment made otherwise lowers the balance",
        file="payouts/payments/actions.py",
        before="    if not 0 < cents <= balance:\n",
        after="    if cents <= 0:\n",
        killed_by=f"{_CASES}::test_a_payment_made_otherwise_is_never_more_than_the_balance",
    ),
    Mutant(
        name="taken_up_fact_undone",
        rule="§10 a fact that a run took into a balance is not taken back",
        file="payouts/payments/actions.py",
        before="        if isinstance(fact, MONEY_BACK) and fact_id in taken_up:\n",
        after="        if isinstance(fact, MONEY_BACK) and fact_id in taken_up.values():\n",
        killed_by=f"{_CASES}::test_what_was_built_upon_or_taken_up_is_not_undone",
    ),
    Mutant(
        name="changed_line_believed",
        rule="§10 the register is chained, and each line sealed",
        file="payouts/payments/register.py",
        before="            if line.previous != previous or not chained_log.is_sealed(content):\n",
        after="            if line.previous != previous:\n",
        killed_by=f"{_CASES}::test_a_changed_line_stops_everything_and_verification_finds_it",
    ),
    Mutant(
        name="second_computation_of_orders",
        rule="§10 verification: no debt has two orders under way",
        file=_SECOND,
        before="        if not other.is_dead:\n",
        after="        if other.executed:\n",
        killed_by=_FORGED,
    ),
    Mutant(
        name="second_computation_of_executions",
        rule="§10 verification: no order is executed twice",
        file=_SECOND,
        before="    if payment.executed or payment.cancelled:\n",
        after="    if payment.cancelled:\n",
        killed_by=_FORGED,
    ),
    Mutant(
        name="second_computation_of_what_came_back",
        rule="§10 verification: at most what was ordered comes back",
        file=_SECOND,
        before="    if payment.cancelled or payment.returned > payment.cents:\n",
        after="    if payment.cancelled:\n",
        killed_by=_FORGED,
    ),
    Mutant(
        name="order_file_not_compared",
        rule="§10 verification: an order's file is the one that the register names",
        file=_SECOND,
        before='        if name not in named and not stray.name.startswith("."):\n',
        after='        if name in named and not stray.name.startswith("."):\n',
        killed_by=f"{_CASES}::test_a_register_that_lost_its_last_order_is_noticed_and_orders_nothing_again",
    ),
)  # fmt: skip
