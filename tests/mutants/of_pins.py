"""Mutants of the pins: each refusal is left out, each number in a repair is off by one."""

from typing import Final

from tests.mutants.mutant import Mutant

_TABLES: Final = "ingestion/raw_tables.py"
_CHECK: Final = "ingestion/pins_check.py"
_REPAIR: Final = "ingestion/pins_repair.py"
_MONTHS: Final = "payouts/pins.py"
_PINNED: Final = "payouts/verification/pinned_records.py"
_EMPTIER: Final = "orchestration/publishing/emptier.py"
_PINS_TESTS: Final = "tests/unit/ingestion/test_pins.py"
_DAMAGE_TESTS: Final = "tests/unit/payouts/test_damaged_is_not_gone.py"
_PUBLISHING: Final = "tests/unit/orchestration/test_publishing.py"

MUTANTS: Final = (
    Mutant(
        name="lost_pins_are_nothing_loaded",
        rule="pins: lost pins are refused",
        file=_TABLES,
        before="if not (tables := _tables_with_a_log(settings)) or",
        after="if (tables := _tables_with_a_log(settings)) is not None or",
        killed_by=f"{_PINS_TESTS}::test_lost_pins_are_not_nothing_loaded",
    ),
    Mutant(
        name="a_version_without_a_layout_is_read",
        rule="pins: broken pins are refused",
        file=_TABLES,
        before="_is_number(layout) and layout >= version",
        after="True",
        killed_by=f"{_PINS_TESTS}::test_broken_pins_are_refused_and_rebuilt",
    ),
    Mutant(
        name="no_check_before_a_load",
        rule="pins: a load on stale pins is refused",
        file="ingestion/batches.py",
        before="    require_pins(settings, with_files=False)\n",
        after="",
        killed_by=f"{_PINS_TESTS}::test_stale_pins_are_refused_at_a_load_and_rebuilt_when_asked",
    ),
    Mutant(
        name="later_promotions_are_not_seen",
        rule="pins: pins older than the logs are refused",
        file=_CHECK,
        before="elif commit.is_promotion and commit.contents != to_be_finished:\n            yield _stale(",
        after="elif False:\n            yield _stale(",
        killed_by=f"{_PINS_TESTS}::test_stale_pins_are_refused_at_a_load_and_rebuilt_when_asked",
    ),
    Mutant(
        name="the_trimmed_log_is_not_asked",
        rule="pins: pins older than the register of versions are refused",
        file=_CHECK,
        before="        if noted.is_promotion:\n            yield _stale(",
        after="        if False:\n            yield _stale(",
        killed_by=f"{_PINS_TESTS}::test_pins_from_before_upkeep_are_older_than_the_register",
    ),
    Mutant(
        name="a_half_promotion_is_staleness",
        rule="pins: a half promotion left by a crash is not a problem",
        file=_CHECK,
        before="elif commit.is_promotion and commit.contents != to_be_finished:",
        after="elif commit.is_promotion:",
        killed_by=f"{_PINS_TESTS}::test_what_was_committed_and_not_pinned_is_no_trouble",
    ),
    Mutant(
        name="pins_newer_than_the_log_pass",
        rule="pins: logs restored from an older copy are refused",
        file=_CHECK,
        before="    if last_version < max(version, layout):\n",
        after="    if False:\n",
        killed_by=f"{_PINS_TESTS}::test_a_table_restored_from_an_older_copy_is_refused_and_not_repaired",
    ),
    Mutant(
        name="entries_from_outside_pass",
        rule="pins: a table that another program wrote to is refused",
        file=_CHECK,
        before="        if not commit.is_ours:\n            yield changed_from_outside(table, number)",
        after="        if False:\n            yield changed_from_outside(table, number)",
        killed_by=f"{_PINS_TESTS}::test_damage_is_named_and_nothing_is_repaired_over_it",
    ),
    Mutant(
        name="a_missing_file_passes",
        rule="pins: a missing Parquet file is a failure",
        file=_CHECK,
        before="            missing.append(file)\n            continue",
        after="            continue",
        killed_by=f"{_PINS_TESTS}::test_damage_is_named_and_nothing_is_repaired_over_it",
    ),
    Mutant(
        name="a_cut_file_passes",
        rule="pins: a Parquet file of another size is a failure",
        file=_CHECK,
        before="        if size != file.size:",
        after="        if size > file.size:",
        killed_by=f"{_PINS_TESTS}::test_damage_is_named_and_nothing_is_repaired_over_it",
    ),
    Mutant(
        name="an_old_decision_sets_pins_back",
        rule="pins: a staged decision from an older copy is refused",
        file=_CHECK,
        before="promotion.batch_number in {pins.batch_number, pins.batch_number + 1}:",
        after="True:",
        killed_by=f"{_PINS_TESTS}::test_a_decision_of_an_older_copy_does_not_set_the_pins_back",
    ),
    Mutant(
        name="a_hole_in_the_log_passes",
        rule="pins: a missing log entry is a failure",
        file=_CHECK,
        before="        if above != below + 1:",
        after="        if False:",
        killed_by=f"{_PINS_TESTS}::test_a_hole_in_a_log_is_named",
    ),
    Mutant(
        name="the_half_promotion_is_pinned",
        rule="pins: a repair leaves out an unfinished promotion",
        file=_REPAIR,
        before="            layout = None\n            continue",
        after="            pass",
        killed_by=f"{_PINS_TESTS}::test_rebuilt_pins_leave_out_what_is_still_to_be_finished",
    ),
    Mutant(
        name="empty_batches_are_not_counted",
        rule="pins: a repair restores the exact numbers",
        file=_REPAIR,
        before="            return number + later\n        later += 1",
        after="            return number\n        later += 1",
        killed_by=f"{_PINS_TESTS}::test_pins_of_logs_that_an_earlier_version_wrote_are_rebuilt_to_the_number",
    ),
    Mutant(
        name="stale_pins_are_overruled",
        rule="pins: only lost or broken pins are rebuilt automatically",
        file=_REPAIR,
        before="    if not error.is_lost_only:\n",
        after="    if False:\n",
        killed_by=f"{_PINS_TESTS}::test_stale_pins_are_refused_at_a_load_and_rebuilt_when_asked",
    ),
    Mutant(
        name="months_are_not_asked",
        rule="pins: a repair never goes back before the versions that a closed month read",
        file=_REPAIR,
        before="    problems += _check_months(versions, at_least or {})\n",
        after="",
        killed_by=f"{_PINS_TESTS}::test_pins_that_a_month_is_ahead_of_are_not_rebuilt",
    ),
    Mutant(
        name="a_batch_missing_from_its_table_passes",
        rule="pins: tables from different copies are refused",
        file=_REPAIR,
        before="            if not contents <= known:",
        after="            if False:",
        killed_by=f"{_PINS_TESTS}::test_a_table_restored_from_an_older_copy_is_refused_and_not_repaired",
    ),
    Mutant(
        name="pins_older_than_a_month_pass",
        rule="pins: pins older than the versions that a closed month read are refused",
        file=_MONTHS,
        before="(found is None or found < version)",
        after="found is None",
        killed_by=f"{_DAMAGE_TESTS}::test_pins_older_than_a_closed_month_are_refused_until_they_are_repaired",
    ),
    Mutant(
        name="untold_catalogues_pass",
        rule="pins: a kept catalogue must still be readable",
        file=_MONTHS,
        before="        except (UnknownVersionError, DamagedLogError) as error:\n            reasons.append(",
        after="        except (UnknownVersionError, DamagedLogError) as error:\n            str(",
        killed_by=f"{_DAMAGE_TESTS}::test_a_kept_catalogue_that_nothing_tells_any_more_is_refused",
    ),
    Mutant(
        name="damage_is_gone",
        rule="verify: damaged data is not reported as deleted",
        file=_PINNED,
        before="        raise DamagedError(str(error)) from error",
        after="        raise GoneError(str(error)) from error",
        killed_by=f"{_DAMAGE_TESTS}::test_damage_is_a_failure_and_never_not_there",
    ),
    Mutant(
        name="everything_is_beyond_the_look_back",
        rule="verify: an unknown version within the look-back is a failure",
        file=_PINNED,
        before="    return version < min(",
        after="    return True or version < min(",
        killed_by=f"{_DAMAGE_TESTS}::test_a_version_beyond_the_look_back_is_absent_by_rule_and_one_within_is_not",
    ),
    Mutant(
        name="an_emptier_copy_is_published",
        rule="publishing: an emptier copy is not published without an acceptance",
        file=_EMPTIER,
        before="(before - now) * MOST_LOST_PART > before",
        after="False",
        killed_by=f"{_PUBLISHING}::test_a_copy_that_lost_rows_is_refused_and_the_old_one_stays",
    ),
    Mutant(
        name="any_acceptance_is_enough",
        rule="publishing: an acceptance is valid for one copy",
        file=_EMPTIER,
        before='entry["action"] == ACTION and entry["code"] == code',
        after='entry["action"] == ACTION',
        killed_by=f"{_PUBLISHING}::test_an_emptier_copy_is_published_for_who_gives_its_code_and_that_is_on_record",
    ),
    Mutant(
        name="a_lost_month_is_published",
        rule="publishing: a copy that lost a closed month is not published",
        file=_EMPTIER,
        before="sorted(before.closed.keys() - now.closed.keys())",
        after="sorted(now.closed.keys() - before.closed.keys())",
        killed_by=f"{_PUBLISHING}::test_a_closed_month_that_is_gone_or_another_run_is_refused",
    ),
)
