"""Mutants of the close itself: its warehouse, its warnings, and who is allowed to order it (docs/adr/0017)."""

from typing import Final

from tests.mutants.mutant import Mutant

_CLOSING: Final = "tests/mutants/test_closing.py"
_WARNINGS: Final = "tests/unit/payouts/test_close_warnings.py"
_PAYEES: Final = "tests/unit/payouts/test_payees_again.py"
_SCHEDULES: Final = "tests/unit/orchestration/test_schedules.py"

MUTANTS: Final = (
    Mutant(
        name="any_warehouse",
        rule="§6 a month closes from a warehouse that this project built",
        file="payouts/preconditions.py",
        before="if not is_as_left(settings, con):",
        after="if False:",
        killed_by=f"{_CLOSING}::test_a_warehouse_that_something_else_wrote_to_is_refused",
    ),
    Mutant(
        name="any_file_with_that_header",
        rule="§6 a month closes from a warehouse that this project built",
        file="payouts/warehouse_mark.py",
        before='note == {"token": _token(con), **_state(settings)}',
        after='note == {"token": note["token"], **_state(settings)}',
        killed_by=f"{_CLOSING}::test_a_warehouse_in_the_place_of_another_is_refused",
    ),
    Mutant(
        name="unreadable_file_passed_over",
        rule="§6 a landed file that cannot be loaded refuses the close",
        file="payouts/closing.py",
        before="reasons += preconditions.unreadable_refusals(settings, con)",
        after="reasons += []",
        killed_by=f"{_CLOSING}::test_a_file_that_could_not_be_read_refuses_while_it_lies_there_as_it_was",
    ),
    Mutant(
        name="any_code_acknowledges",
        rule="§6 a close proceeds only if exactly these warnings were acknowledged",
        file="payouts/closing.py",
        before="if code is None or order.acknowledged == code:",
        after="if code is None or order.acknowledged:",
        killed_by=f"{_CLOSING}::test_open_warnings_want_their_own_code",
    ),
    Mutant(
        name="close_without_an_order",
        rule="a close needs an order, used once (INTERFACES.md, the command payout)",
        file="payouts/closing.py",
        before="order = take_up(settings, order_id, month)",
        after='order = CloseOrder(order_id, month, "nobody", "command", None, "", None)',
        killed_by=f"{_CLOSING}::test_a_close_without_an_order_is_refused_before_anything_is_computed",
    ),
    Mutant(
        name="difference_ignored",
        rule="§6 a difference refuses the close",
        file="payouts/closing.py",
        before="if not proof.holds:",
        after="if proof.unchecked:",
        killed_by=f"{_CLOSING}::test_a_difference_in_the_second_computation_refuses_and_leaves_nothing",
    ),
    Mutant(
        name="rejects_of_every_month_named_again",
        rule="§6 open warnings are named",
        file="payouts/close_warnings.py",
        before="where batch_number > $since_batch and {_MAY_BELONG}",
        after="where batch_number > 0 * $since_batch and {_MAY_BELONG}",
        killed_by=f"{_WARNINGS}::test_what_a_closed_month_has_seen_is_not_named_again",
    ),
    Mutant(
        name="rejects_of_later_months_named",
        rule="§6 only the month's own open warnings are named: otherwise any new file changes the code",
        file="payouts/close_warnings.py",
        before="as date) <= $until, true",
        after="as date) <= $until + 31, true",
        killed_by=f"{_WARNINGS}::test_what_the_warehouse_finds_odd_is_named_in_words",
    ),
    Mutant(
        name="code_without_the_figures",
        rule="§6 exactly these warnings were acknowledged",
        file="payouts/close_warnings.py",
        before=r'f"{one.kind}\t{one.subject}\t{one.found}"',
        after=r'f"{one.kind}\t{one.subject}"',
        killed_by=f"{_WARNINGS}::test_the_code_stands_for_exactly_these_warnings",
    ),
    Mutant(
        name="due_a_day_late",
        rule="§6 payment date: the 3rd of the next month",
        file="payouts/due.py",
        before="months.payout_day(month) <= today",
        after="months.payout_day(month) < today",
        killed_by=f"{_SCHEDULES}::test_the_oldest_month_that_is_due_is_asked_for",
    ),
    Mutant(
        name="newest_month_first",
        rule="§6 runs close in order, without gaps",
        file="orchestration/defs/schedules.py",
        before="month = due[0]",
        after="month = due[-1]",
        killed_by=f"{_SCHEDULES}::test_the_oldest_month_that_is_due_is_asked_for",
    ),
    Mutant(
        name="second_computation_of_a_young_iban",
        rule="§6 an IBAN younger than 10 days on the payment date is not paid to",
        file="payouts/verification/payees.py",
        before="on - self.changed_on < timedelta(days=_SETTLING_DAYS)",
        after="on - self.changed_on <= timedelta(days=_SETTLING_DAYS)",
        killed_by=f"{_PAYEES}::test_a_line_is_paid_in_full_or_carried_with_its_reason",
    ),
    Mutant(
        name="second_computation_of_a_first_iban",
        rule="§6 a first IBAN is not a change",
        file="payouts/verification/payees.py",
        before="return None if is_first else dated",
        after="return dated",
        killed_by=f"{_PAYEES}::test_an_iban_is_as_old_as_its_first_record",
    ),
)
