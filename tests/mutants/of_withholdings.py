"""Mutants of what is withheld of a payment, and of what is given back of it (RULES.md §10)."""

from typing import Final

from tests.mutants.mutant import Mutant

_RUN: Final = "tests/unit/payouts/test_withholdings.py"
_SETTING: Final = "tests/unit/ingestion/test_withholdings.py"
_BOOKS: Final = "tests/unit/payouts/test_books_of_payouts.py"
_REFUNDS: Final = "tests/unit/payouts/test_final_refunds.py"

MUTANTS: Final = (
    Mutant(
        name="withheld_rounded_up",
        rule="§10 each withholding is floored",
        file="payouts/withholdings.py",
        before="withheld_cents=paid_cents * one.rate_bp // WHOLE_BP",
        after="withheld_cents=-(-paid_cents * one.rate_bp // WHOLE_BP)",
        killed_by=f"{_RUN}::test_each_is_floored_by_itself_and_comes_off_the_order",
    ),
    Mutant(
        name="withheld_and_paid_too",
        rule="§10 a withholding is taken off the order",
        file="payouts/files.py",
        before="ordered_cents=line.paid_cents - withheld_cents,",
        after="ordered_cents=line.paid_cents,",
        killed_by=f"{_RUN}::test_each_is_floored_by_itself_and_comes_off_the_order",
    ),
    Mutant(
        name="withheld_a_day_late",
        rule="§10 a withholding is in force from its payment date on",
        file="ingestion/withholdings.py",
        before="return self.since <= on",
        after="return self.since < on",
        killed_by=f"{_SETTING}::test_it_is_in_force_from_its_first_to_its_last_payment_date",
    ),
    Mutant(
        name="unknown_country_is_abroad",
        rule="§10 an artist of unknown tax residence is in no list of countries",
        file="ingestion/withholdings.py",
        before="return tax_country is not None and tax_country not in self.not_tax_countries",
        after="return tax_country not in self.not_tax_countries",
        killed_by=f"{_SETTING}::test_whom_it_concerns",
    ),
    Mutant(
        name="more_withheld_than_paid",
        rule="§10 withholdings together are at most what is paid",
        file="ingestion/withholdings.py",
        before="for one in concerned)) > WHOLE_BP:",
        after="for one in concerned)) > 2 * WHOLE_BP:",
        killed_by=f"{_SETTING}::test_records_that_cannot_be_meant_are_refused",
    ),
    Mutant(
        name="withholdings_of_today_verify",
        rule="§10 a closed month keeps the withholdings in force",
        file="payouts/run.py",
        before="    if withholding:\n",
        after="    if withholdings:\n",
        killed_by=f"{_RUN}::test_a_month_without_withholdings_in_force_says_nothing_of_them",
    ),
    Mutant(
        name="second_computation_of_a_withholding",
        rule="§10 each withholding is floored",
        file="payouts/verification/withholdings.py",
        before="divmod(row.paid_cents * one.rate_bp, 10_000)",
        after="divmod(row.paid_cents * one.rate_bp + 9_999, 10_000)",
        killed_by=f"{_RUN}::test_a_chain_that_withholds_holds_without_the_settings_of_that_day",
    ),
    Mutant(
        name="second_computation_of_a_transfer",
        rule="§10 a withholding is taken off the order",
        file="payouts/verification/withholdings.py",
        before="expected=sums[transfer.artist_id],",
        after="expected=transfer.withheld_cents,",
        killed_by=f"{_RUN}::test_a_withheld_amount_that_goes_to_the_artist_is_found",
    ),
    Mutant(
        name="returned_and_still_owed_to_others",
        rule="§10 a return gives the withheld part back",
        file="payouts/accounts/from_payouts.py",
        before="            case Returned() if fact.withheld_back_cents:\n",
        after="            case Returned() if fact.withheld_back_cents < 0:\n",
        killed_by=f"{_BOOKS}::test_what_is_withheld_is_owed_to_others",
    ),
    Mutant(
        name="returned_without_having_left",
        rule="§10 money that came back had left",
        file="payouts/accounts/from_payouts.py",
        before="return min((one.booked_on for one in attempt.returns.values()), default=None)",
        after="return None",
        killed_by=f"{_BOOKS}::test_the_books_owe_each_artist_the_balance_and_what_is_under_way",
    ),
    Mutant(
        name="refunds_of_the_look_back_borne",
        rule="§6 refunds of the look-back are adjusted",
        file="payouts/verification/final_refunds.py",
        before='if row["booked_in"] not in month.control.adjustments:',
        after='if row["booked_in"] not in {}:',
        killed_by=f"{_REFUNDS}::test_refunds_that_a_run_adjusts_are_not_borne",
    ),
)
