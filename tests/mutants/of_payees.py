"""Mutants of who is paid: undated IBANs, holds, returns, accounts outside SEPA, BICs, names (RULES.md §6, §10)."""

from typing import Final

from tests.mutants.mutant import Mutant

_BALANCES: Final = "tests/unit/payouts/test_balances.py"
_PAYEES: Final = "tests/unit/payouts/test_payees_again.py"
_WARNINGS: Final = "tests/unit/payouts/test_close_warnings.py"
_BANK_FILE: Final = "tests/unit/payouts/test_bank_file.py"
_DETAILS: Final = "tests/unit/payouts/test_bank_details.py"
_SETTLED: Final = f"{_PAYEES}::test_the_register_holds_back_and_confirms"
_DIM_PAYEES: Final = "dbt_project/models/marts/core/dim_payees.sql"
_SHOWN: Final = "an_iban_with_an_undated_record_beside_another_iban_is_shown"

MUTANTS: Final = (
    Mutant(
        name="undated_iban_paid",
        rule="§6 an undated IBAN beside another one is carried",
        file="payouts/balances.py",
        before="if payee.iban_is_undated and payee.has_other_iban and",
        after="if payee.iban_is_undated and payee.has_other_iban and not payee.is_first_iban and",
        killed_by=f"{_BALANCES}::test_an_undated_iban_beside_another_one_is_carried",
    ),
    Mutant(
        name="only_iban_carried_without_a_date",
        rule="§6 only where an artist's records bear more than one IBAN",
        file="payouts/balances.py",
        before="if payee.iban_is_undated and payee.has_other_iban and",
        after="if payee.iban_is_undated and",
        killed_by=f"{_BALANCES}::test_an_undated_iban_beside_another_one_is_carried",
    ),
    Mutant(
        name="undated_by_every_record",
        rule="§6 one undated record of an IBAN is enough",
        file=_DIM_PAYEES,
        before="max(case when updated_at is null then 1 else 0 end) = 1",
        after="min(case when updated_at is null then 1 else 0 end) = 1",
        killed_by=_SHOWN,
    ),
    Mutant(
        name="other_iban_by_records",
        rule="§6 two records of one IBAN bear one IBAN",
        file=_DIM_PAYEES,
        before="count(*) over (partition by artist_id) > 1 as has_other_iban",
        after="count(*) over (partition by artist_id) > 0 as has_other_iban",
        killed_by=_SHOWN,
    ),
    Mutant(
        name="confirmed_iban_carried",
        rule="§10 an operator confirms an IBAN",
        file="payouts/balances.py",
        before=" and iban not in standing.ibans_confirmed:",
        after=":",
        killed_by=f"{_BALANCES}::test_an_operator_confirms_an_undated_iban_and_no_other_one",
    ),
    Mutant(
        name="any_confirmation_confirms_all",
        rule="§10 an operator confirms one IBAN",
        file="payouts/balances.py",
        before=" and iban not in standing.ibans_confirmed:",
        after=" and not standing.ibans_confirmed:",
        killed_by=f"{_BALANCES}::test_an_operator_confirms_an_undated_iban_and_no_other_one",
    ),
    Mutant(
        name="confirmation_shortens_the_waiting_time",
        rule="§6 an IBAN younger than 10 days is carried, whoever confirmed it",
        file="payouts/balances.py",
        before="    return _reason_of_its_age(payee, paid_on=paid_on)\n",
        after="    return None if iban in standing.ibans_confirmed else _reason_of_its_age(payee, paid_on=paid_on)\n",
        killed_by=f"{_BALANCES}::test_no_confirmation_shortens_the_waiting_time_of_a_young_iban",
    ),
    Mutant(
        name="returned_payment_sent_again",
        rule="§10 a return sets the IBAN aside",
        file="payouts/balances.py",
        before="if iban in standing.ibans_set_aside:",
        after="if payee.iban in standing.ibans_set_aside and payee.iban != iban:",
        killed_by=f"{_BALANCES}::test_nothing_goes_to_an_iban_that_sent_a_payment_back",
    ),
    Mutant(
        name="hold_on_what_is_due_only",
        rule="§10 a hold carries everything",
        file="payouts/balances.py",
        before="if standing.is_held:",
        after="if standing.is_held and is_due:",
        killed_by=f"{_BALANCES}::test_a_hold_carries_everything",
    ),
    Mutant(
        name="elsewhere_is_a_wrong_iban",
        rule="§6 an IBAN outside SEPA carries with its own reason",
        file="payouts/balances.py",
        before="return CarryReason(why)",
        after="return CarryReason.BAD_IBAN",
        killed_by=f"{_BALANCES}::test_an_account_outside_sepa_is_carried_with_its_own_reason",
    ),
    Mutant(
        name="second_computation_of_an_undated_iban",
        rule="§6 an undated IBAN beside another one is carried",
        file="payouts/verification/payees.py",
        before="iban is not None and None in since[iban] and len(since) > 1",
        after="iban is not None and all(at is None for at in since[iban]) and len(since) > 1",
        killed_by=f"{_PAYEES}::test_accounts_are_read_from_every_record",
    ),
    Mutant(
        name="second_computation_of_an_only_iban",
        rule="§6 only where an artist's records bear more than one IBAN",
        file="payouts/verification/payees.py",
        before="None in since[iban] and len(since) > 1",
        after="None in since[iban] and len(since) > 0",
        killed_by=f"{_PAYEES}::test_accounts_are_read_from_every_record",
    ),
    Mutant(
        name="second_computation_of_a_hold",
        rule="§10 a hold carries everything",
        file="payouts/verification/payees.py",
        before="    if standing.is_held:\n",
        after="    if standing.is_held and _is_due(payable, row, account, policy):\n",
        killed_by=_SETTLED,
    ),
    Mutant(
        name="second_computation_of_a_return",
        rule="§10 a return sets the IBAN aside, whatever was confirmed before",
        file="payouts/verification/payees.py",
        before="if self.iban in standing.ibans_set_aside:",
        after="if self.iban in standing.ibans_set_aside - standing.ibans_confirmed:",
        killed_by=_SETTLED,
    ),
    Mutant(
        name="second_computation_of_a_confirmation",
        rule="§10 an operator confirms one IBAN",
        file="payouts/verification/payees.py",
        before="if self.is_of_unknown_age and self.iban not in standing.ibans_confirmed:",
        after="if self.is_of_unknown_age and not standing.ibans_confirmed:",
        killed_by=_SETTLED,
    ),
    Mutant(
        name="rules_of_today_for_months_of_format_1",
        rule="§6 a closed run never changes: it verifies by the rules of its time",
        file="payouts/verification/payees.py",
        before="if why_not_payable(self.iban) or (self.bic and not bic_for(self.iban, self.bic)):",
        after="if why_not_payable(self.iban):",
        killed_by=f"{_PAYEES}::test_a_month_of_format_1_was_settled_by_the_rules_of_its_time",
    ),
    Mutant(
        name="wrong_bic_in_the_order",
        rule="§6 a BIC that does not fit its IBAN is left out of the order",
        file="payouts/bank_file.py",
        before="(bic := bic_for(transfer.iban, transfer.bic))",
        after="(bic := electronic(transfer.bic or ''))",
        killed_by=f"{_BANK_FILE}::test_a_bic_that_does_not_fit_the_iban_is_left_out",
    ),
    Mutant(
        name="stage_name_in_the_order",
        rule="docs/adr/0009: the order names the holder of the account",
        file="payouts/balances.py",
        before="names = (self.account_holder, self.legal_name)",
        after="names = (self.name, self.account_holder, self.legal_name)",
        killed_by=f"{_BALANCES}::test_an_order_names_the_holder_of_the_account",
    ),
    Mutant(
        name="stage_name_given_to_the_order",
        rule="docs/adr/0009: the order names the holder of the account",
        file="payouts/files.py",
        before="account_holder=payee.creditor_name",
        after="account_holder=payee.name",
        killed_by=f"{_BANK_FILE}::test_the_order_of_a_run_names_the_holder_of_the_account",
    ),
    Mutant(
        name="wrong_bic_not_named",
        rule="§6 a BIC is left out with a warning",
        file="payouts/close_warnings.py",
        before='if electronic(payee.bic or "") and bic is None:',
        after='if electronic(payee.bic or "") and bic == payee.bic:',
        killed_by=f"{_WARNINGS}::test_an_account_that_its_bank_may_refuse_is_named_where_it_is_paid",
    ),
    Mutant(
        name="accounts_of_the_unpaid_named",
        rule="§6 only open warnings of what the run pays",
        file="payouts/close_warnings.py",
        before="if not line.paid_cents or payee is None or payee.iban is None:",
        after="if payee is None or payee.iban is None:",
        killed_by=f"{_WARNINGS}::test_an_account_that_its_bank_may_refuse_is_named_where_it_is_paid",
    ),
    Mutant(
        name="every_country_in_the_eea",
        rule="docs/adr/0009: transfers outside the EEA need BIC and address",
        file="payouts/bank_details.py",
        before="return electronic(iban)[:2] in _EEA.split()",
        after="return electronic(iban)[:2] in _SEPA",
        killed_by=f"{_DETAILS}::test_the_eea_is_the_union_with_iceland_liechtenstein_and_norway",
    ),
)
