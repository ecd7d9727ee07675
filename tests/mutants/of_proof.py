"""Mutants of the second implementation: the data it reads, the order it reads it in, the errors it finds."""

from typing import Final

from tests.mutants.mutant import Mutant

_WATCHING: Final = "payouts/verification/watching.py"
_WEIGHTS: Final = "payouts/verification/weights.py"
_FROM_HEARTBEATS: Final = "payouts/verification/from_heartbeats.py"

_OF_WATCHING: Final = "tests/unit/payouts/test_verification_watching.py"
_AS_THE_ORACLE: Final = f"{_OF_WATCHING}::test_however_little_is_held_at_a_time_it_is_what_the_oracle_has"
_OF_WORLDS: Final = "tests/unit/payouts/test_verification_from_heartbeats.py"

MUTANTS: Final = (
    Mutant(
        name="proof_forgets_who_still_plays",
        rule="§3.4 the next heartbeat can come days later",
        file=_WATCHING,
        before="waiting = pl.concat([waiting.filter(~is_in_part), playing.filter(is_last).select(*_BEAT)])",
        after="waiting = waiting.filter(~is_in_part)",
        killed_by=f"{_OF_WATCHING}::test_a_playback_waits_for_its_next_heartbeat_over_days_that_nobody_paid_for",
    ),
    Mutant(
        name="proof_forgets_the_other_parts",
        rule="§3.4 the next heartbeat can come days later, even if its subscriber is read in another part",
        file=_WATCHING,
        before="pl.concat([waiting.filter(~is_in_part), playing",
        after="pl.concat([playing",
        killed_by=_AS_THE_ORACLE,
    ),
    Mutant(
        name="proof_orders_without_position",
        rule="§3.2 heartbeats of one instant are ordered by sequence, state and position, missing first",
        file=_WATCHING,
        before="beats.sort(_ORDER, nulls_last=False)",
        after="beats.sort(_ORDER, nulls_last=True)",
        killed_by=_AS_THE_ORACLE,
    ),
    Mutant(
        name="proof_lets_a_missing_sequence_come_first",
        rule="§3.2 a missing sequence is 0",
        file=_WATCHING,
        before='pl.col("sequence").fill_null(0)',
        after='pl.col("sequence").fill_null(-1)',
        killed_by=_AS_THE_ORACLE,
    ),
    Mutant(
        name="proof_pays_stalled_players",
        rule="§3.3 a position that did not change earns nothing",
        file=_WATCHING,
        before=".fill_null(value=False)",
        after=".fill_null(value=True)",
        killed_by=_AS_THE_ORACLE,
    ),
    Mutant(
        name="proof_counts_days_that_nobody_paid_for",
        rule="§5.1 only the days of the periods weigh",
        file=_WATCHING,
        before='.filter(pl.col("day").is_in([*covered]))',
        after="",
        killed_by=_AS_THE_ORACLE,
    ),
    Mutant(
        name="proof_trusts_the_folders",
        rule="§3.4 a credit belongs to the Paris day of its heartbeat",
        file=_WATCHING,
        before="if not first.date() == day == last.date():",
        after="if not first.date() == last.date():",
        killed_by=f"{_OF_WATCHING}::test_a_heartbeat_in_the_folder_of_another_day_is_an_error",
    ),
    Mutant(
        name="proof_reads_what_the_run_had_not_seen",
        rule="§6 a run pins the versions that it read",
        file=_WATCHING,
        before='scan = scan.filter(pl.col("batch_number") <= up_to)',
        after="pass",
        killed_by=f"{_OF_WATCHING}::test_batches_that_the_run_had_not_seen_do_not_count",
    ),
    Mutant(
        name="proof_lets_the_end_of_a_period_weigh",
        rule="§2 a period is [period_start, period_end)",
        file=_WEIGHTS,
        before='.filter(pl.col("day").is_between("period_start", "period_end", closed="left"))',
        after='.filter(pl.col("day").is_between("period_start", "period_end"))',
        killed_by=f"{_OF_WORLDS}::test_an_untouched_world_is_proven_from_its_heartbeats_on",
    ),
    Mutant(
        name="proof_takes_broken_credit_sets_on",
        rule="§4 weight on a live whose shares do not sum to 10,000 blocks the close",
        file=_FROM_HEARTBEATS,
        before="found=uncredited",
        after="found=[]",
        killed_by=f"{_OF_WORLDS}::test_weight_on_a_live_whose_shares_do_not_sum_to_10000_is_found",
    ),
    Mutant(
        name="proof_takes_missing_categories_on",
        rule="§4 weight on an artist without a category blocks the close",
        file=_FROM_HEARTBEATS,
        before="found=uncategorized",
        after="found=[]",
        killed_by=f"{_OF_WORLDS}::test_weight_on_an_artist_without_a_category_is_found",
    ),
    Mutant(
        name="proof_takes_unknown_artists_on",
        rule="an unknown artist with weight blocks the close (INTERFACES.md)",
        file=_FROM_HEARTBEATS,
        before="found=unknown",
        after="found=[]",
        killed_by=f"{_OF_WORLDS}::test_weight_on_an_artist_whom_nobody_knows_is_found",
    ),
    Mutant(
        name="proof_takes_a_pool_without_members_on",
        rule="§5.4 a month that has envelopes cannot close without a pool member",
        file=_FROM_HEARTBEATS,
        before="has_payees = bool(members) or target.periods.is_empty()",
        after="has_payees = True",
        killed_by=f"{_OF_WORLDS}::test_a_pool_without_members_is_found",
    ),
    Mutant(
        name="proof_believes_the_totals",
        rule="§6 the totals of a month that is settled again follow from its heartbeats",
        file=_FROM_HEARTBEATS,
        before=(
            "        check_sums("
            "report.at(Check.WATCHING, month.file(CONTROL_FILE)), target.settled, target.sums, of=of)\n"
        ),
        after="",
        killed_by=f"{_OF_WORLDS}::test_totals_of_a_month_that_gives_what_it_gave_are_checked",
    ),
    Mutant(
        name="proof_believes_the_open_envelopes",
        rule="open envelopes are those of periods that have begun and are settled later (INTERFACES.md)",
        file="payouts/verification/open_envelopes.py",
        before="last_month > month.name",
        after="last_month >= month.name",
        killed_by=f"{_OF_WORLDS}::test_an_untouched_world_is_proven_from_its_heartbeats_on",
    ),
    Mutant(
        name="proof_believes_the_amounts",
        rule="§5.3 an envelope is split in proportion to weight",
        file=_FROM_HEARTBEATS,
        before="(one.amount_nanos, one.destination) for",
        after="one.destination for",
        killed_by=f"{_OF_WORLDS}::test_amounts_that_do_not_follow_from_the_heartbeats_are_found",
    ),
)
