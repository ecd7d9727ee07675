"""Mutants of rules that are stated in one place: the look-back, what counts, and the policy's history."""

from typing import Final

from tests.mutants.mutant import Mutant

_SETTLEMENT: Final = "dbt_project/models/intermediate/settlement"
_STATEMENT: Final = "dbt_project/macros/what_counts.sql"
_LOOK_BACK: Final = "tests/unit/payouts/test_policy_in_force.py"
_REQUESTS: Final = "tests/unit/payouts/test_requests.py"
_CLOSING: Final = "tests/mutants/test_closing.py"
_RUN: Final = "tests/unit/payouts/test_run.py"
_VERIFICATION: Final = "tests/unit/payouts/test_verification.py"
_ONE_HOME: Final = "tests/architecture/test_what_counts.py"
_NEVER_STATED: Final = f"{_VERIFICATION}::test_a_run_under_a_policy_that_the_project_never_stated_is_found"
_IN_FORCE: Final = f"{_VERIFICATION}::test_the_policy_of_each_month_is_the_row_of_the_history_in_force_on_its_last_day"

MUTANTS: Final = (
    Mutant(
        name="look_back_of_the_last_run",
        rule="§6 a run's look-back comes from the policy in force on the last day of its month",
        file="payouts/look_back.py",
        before="policy_of(settings, following(closed[-1]))",
        after="policy_of(settings, closed[-1])",
        killed_by=f"{_LOOK_BACK}::test_the_look_back_is_that_of_the_next_runs_policy",
    ),
    Mutant(
        name="policy_from_the_day_after",
        rule="§7 the row in force on the settlement month's last day counts",
        file="payouts/policy.py",
        before="policy.valid_from <= day",
        after="policy.valid_from < day",
        killed_by=f"{_LOOK_BACK}::test_the_look_back_is_that_of_the_next_runs_policy",
    ),
    Mutant(
        name="look_back_of_every_closed_month",
        rule="§6 the months of the look-back are settled again",
        file=f"{_SETTLEMENT}/periods/int_settlement_months.sql",
        before="coalesce(booked_months.is_in_look_back, false)",
        after="(booked_months.settlement_month is not null)",
        killed_by="a_closed_month_keeps_its_policy_and_is_adjusted_as_booked_says",
    ),
    Mutant(
        name="warehouse_of_another_look_back",
        rule="§6 a month closes under the policy that the project states",
        file="payouts/settlement.py",
        before="(month, run, month in look_back) for month",
        after="(month, run, dict((one, back) for one, _, back in booked).get(month)) for month",
        killed_by=f"{_CLOSING}::test_a_warehouse_that_means_another_look_back_is_refused",
    ),
    Mutant(
        name="amendment_out_of_reach_closes",
        rule="§6 an amendment of a month outside the next run's look-back is refused",
        file="payouts/closing.py",
        before="_refuse(month, requests.amendment_refusals(settings))",
        after="_refuse(month, [])",
        killed_by=f"{_CLOSING}::test_an_amendment_that_the_run_does_not_reach_refuses_it",
    ),
    Mutant(
        name="amendment_out_of_reach_is_used_up",
        rule="§6 an amendment of a month outside the next run's look-back is refused",
        file="payouts/run.py",
        before="for again in settlement.look_back for entry in requests.amendments.get(again.settlement_month, ())",
        after="for entries in requests.amendments.values() for entry in entries",
        killed_by=f"{_RUN}::test_only_the_amendments_of_months_that_it_settled_again_are_used_up",
    ),
    Mutant(
        name="withdrawn_amendment_waits",
        rule="§6 an amendment and its withdrawal are both recorded",
        file="payouts/requests.py",
        before='for entry in entries.values() if entry["action"] == WITHDRAWN',
        after='for entry in entries.values() if entry["action"] is None',
        killed_by=f"{_REQUESTS}::test_a_withdrawn_amendment_waits_no_longer",
    ),
    Mutant(
        name="withdrawn_amendment_verifies",
        rule="§6 an amendment and its withdrawal are both recorded",
        file="payouts/verification/balances.py",
        before='if line.entry.get("action") == "amend_withdrawn"',
        after='if line.entry.get("action") is None',
        killed_by=f"{_VERIFICATION}::test_a_withdrawn_amendment_is_not_taken_up",
    ),
    Mutant(
        name="policy_not_compared",
        rule="§7 a run records the policy in force on its month's last day",
        file="payouts/verification/verifying.py",
        before="if month is not None and name in wanted and policies is not None:",
        after="if month is None and name in wanted and policies is not None:",
        killed_by=_NEVER_STATED,
    ),
    Mutant(
        name="policy_of_a_month_settled_again_not_compared",
        rule="§6 a month is settled again with the policy it closed with",
        file="payouts/verification/policy_history.py",
        before="for again, one in month.control.adjustments.items()",
        after="for again, one in ()",
        killed_by=_NEVER_STATED,
    ),
    Mutant(
        name="history_by_the_day_after",
        rule="§7 the row in force on the settlement month's last day counts",
        file="payouts/verification/policy_history.py",
        before="for valid_from, row in history if valid_from <= day",
        after="for valid_from, row in history if valid_from < day",
        killed_by=_IN_FORCE,
    ),
    Mutant(
        name="no_history_no_finding",
        rule="§6 a month closes under the policy that the project states",
        file="payouts/verification/policy_history.py",
        before='report.at(Check.POLICY, path.name).same("content"',
        after='dict(what="content"',
        killed_by=_IN_FORCE,
    ),
    Mutant(
        name="too_short_is_no_reason",
        rule="§4 a live counts if it is at least as long as the policy's minimum",
        file=_STATEMENT,
        before="when not ({{ is_long_enough(live, policy) }}) then 'too_short'",
        after="when false then 'too_short'",
        killed_by="a_live_that_earns_nothing_says_why",
    ),
    Mutant(
        name="category_after_its_end",
        rule="§4 an artist's category on a day is the one with the latest valid_from",
        file=_STATEMENT,
        before="or {{ day }} < {{ dated }}.valid_until)",
        after="or {{ day }} <= {{ dated }}.valid_until)",
        killed_by="watching_is_judged_by_the_category_of_its_day",
    ),
    Mutant(
        name="kind_typed_again",
        rule="§4 what counts is stated in one place",
        file=f"{_SETTLEMENT}/periods/int_period_live_days.sql",
        before="and {{ counts('lives', 'months') }}",
        after="and lives.kind = 'live' and lives.exclusive and lives.duration_s >= months.minimum_live_s",
        killed_by=f"{_ONE_HOME}::test_what_counts_is_stated_once",
    ),
    Mutant(
        name="member_typed_again",
        rule="§5.4 what counts is stated in one place",
        file="payouts/simulation/pool_members.sql",
        before="select artist_id\nfrom pool_members",
        after="select artist_id\nfrom pool_members\nwhere category in ('emerging', 'independent')",
        killed_by=f"{_ONE_HOME}::test_what_counts_is_stated_once",
    ),
    Mutant(
        name="simulation_by_verification",
        rule="§6 verification shares no code with the code that it verifies",
        file="payouts/simulation/settling.py",
        before="from allive.payouts.simulation.arithmetic import",
        after="from allive.payouts.user_centric import",
        killed_by=f"{_ONE_HOME}::test_simulations_take_nothing_from_verification",
    ),
    Mutant(
        name="verification_by_the_look_back",
        rule="§6 verification shares no code with the code that it verifies",
        file="payouts/verification/adjustments.py",
        before="from allive.payouts.verification.amounts import check_sums",
        after="from allive.payouts.look_back import look_back_of_next_run as check_sums",
        killed_by=f"{_ONE_HOME}::test_verification_shares_nothing_with_what_it_verifies",
    ),
)
