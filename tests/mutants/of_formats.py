"""Mutants of formats, verdicts, the audit log's lock, operator names, and file permissions."""

from typing import Final

from tests.mutants.mutant import Mutant

_VERDICTS: Final = "tests/unit/payouts/test_verdicts.py"
_VERIFICATION: Final = "tests/unit/payouts/test_verification.py"
_AUDIT: Final = "tests/unit/payouts/test_audit.py"
_HOME_FORMAT: Final = "tests/unit/ingestion/test_home_format.py"
_CLI: Final = "tests/unit/orchestration/test_cli.py"
_FINDINGS: Final = "payouts/closed_month/findings.py"
_SEALS: Final = "payouts/verification/seals.py"
_VERIFYING: Final = "payouts/verification/verifying.py"

MUTANTS: Final = (
    Mutant(
        name="newer_home_taken",
        rule="INTERFACES: a newer data home is refused",
        file="ingestion/home_format.py",
        before="if found > HOME_FORMAT:",
        after="if found > HOME_FORMAT + 98:",
        killed_by=f"{_HOME_FORMAT}::test_a_newer_home_is_refused_with_what_was_found_what_is_known_and_what_to_do",
    ),
    Mutant(
        name="home_not_stamped",
        rule="INTERFACES: a data home records its format",
        file="ingestion/lock.py",
        before="        stamp_home(settings)\n",
        after="",
        killed_by=f"{_HOME_FORMAT}::test_a_home_is_stamped_when_it_is_first_worked_on",
    ),
    Mutant(
        name="newer_month_taken",
        rule="INTERFACES: a closed month of a newer format is refused",
        file="payouts/ledger.py",
        before="if found > MONTH_FORMAT:",
        after="if found > MONTH_FORMAT + 98:",
        killed_by=f"{_CLI}::test_a_newer_format_is_said_in_words_and_exits_1",
    ),
    Mutant(
        name="newer_lines_taken",
        rule="INTERFACES: an audit line of a newer format is refused",
        file="payouts/formats.py",
        before="if stated and int(stated[1]) > known:",
        after="if stated and int(stated[1]) > known + 98:",
        killed_by=f"{_AUDIT}::test_a_newer_line_is_refused_by_its_number",
    ),
    Mutant(
        name="lines_without_format",
        rule="INTERFACES: an audit line records its format",
        file="payouts/chained_log.py",
        before='            "format": format_number,\n',
        after="",
        killed_by=f"{_AUDIT}::test_a_line_begins_with_its_format",
    ),
    Mutant(
        name="months_without_format",
        rule="INTERFACES: a manifest records its format",
        file="payouts/files.py",
        before='            "format": MONTH_FORMAT,\n',
        after="",
        killed_by="tests/integration/test_golden.py::test_its_months_close_with_what_was_expected",
    ),
    Mutant(
        name="newer_month_failed",
        rule="INTERFACES: verify cannot prove a month of a newer format, and does not fail it",
        file=_SEALS,
        before="if type(found) is int and found > MONTH_FORMAT:",
        after="if type(found) is int and found > MONTH_FORMAT + 98:",
        killed_by=f"{_VERDICTS}::test_a_month_of_a_newer_format_is_not_provable_and_says_both_formats",
    ),
    Mutant(
        name="newer_line_failed",
        rule="INTERFACES: verify cannot prove a line of a newer format, and does not fail it",
        file=_SEALS,
        before="if type(found) is int and found > known:",
        after="if type(found) is int and found > known + 98:",
        killed_by=f"{_VERDICTS}::test_a_newer_line_of_the_log_is_not_provable_and_no_error",
    ),
    Mutant(
        name="format_as_a_way_around_the_log",
        rule="§6 a closed run never changes, its format included",
        file=_SEALS,
        before="    found = hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()\n",
        after="    found = line.entry['manifest_sha256'] if manifest is None else "
        "hashlib.sha256((folder / MANIFEST_FILE).read_bytes()).hexdigest()\n",
        killed_by=f"{_VERDICTS}::test_a_format_that_was_written_into_a_month_is_no_way_around_the_log",
    ),
    Mutant(
        name="any_format_of_a_month",
        rule="INTERFACES: a format is a whole number, 1 or greater",
        file="payouts/closed_month/month_files.py",
        before="format: int = Field(default=1, ge=1)",
        after="format: int = Field(default=1)",
        killed_by=f"{_VERDICTS}::test_what_is_no_format_is_damage",
    ),
    Mutant(
        name="unchecked_is_proven",
        rule="INTERFACES: a month is not provable if not everything could be checked",
        file=_FINDINGS,
        before="Verdict.NOT_PROVABLE if reasons else Verdict.PROVEN",
        after="Verdict.PROVEN",
        killed_by=f"{_VERDICTS}::test_where_heartbeats_are_gone_no_month_is_proven_and_none_failed",
    ),
    Mutant(
        name="failed_months_not_provable",
        rule="INTERFACES: a month fails if anything is wrong",
        file=_FINDINGS,
        before="return MonthVerdict(month, Verdict.FAILED, (*failed, *reasons))",
        after="return MonthVerdict(month, Verdict.NOT_PROVABLE, (*failed, *reasons))",
        killed_by=f"{_VERDICTS}::test_a_month_that_was_changed_failed_and_the_others_have_their_own_verdict",
    ),
    Mutant(
        name="proven_by_a_wrong_log",
        rule="§6 only an intact audit log proves a month",
        file=_FINDINGS,
        before='        reasons += [f"not proven by {file}, which is wrong" for file in wrong_elsewhere]\n',
        after="",
        killed_by=f"{_VERDICTS}::test_a_log_that_was_cut_fails_itself_and_proves_no_month",
    ),
    Mutant(
        name="unreadable_is_damaged",
        rule="INTERFACES: a file without read permission is not checked; it is not reported as damaged",
        file=_FINDINGS,
        before="except PermissionError as error:",
        after="except InterruptedError as error:",
        killed_by=f"{_VERDICTS}::test_what_this_user_may_not_read_is_not_checked_and_not_damaged",
    ),
    Mutant(
        name="nothing_is_proven",
        rule="INTERFACES: without closed months or an audit log, nothing can be proven",
        file=_VERIFYING,
        before="elif not (is_anchored or",
        after="elif not (settings is not None or is_anchored or",
        killed_by=f"{_VERDICTS}::test_without_payouts_nothing_is_wrong_and_nothing_provable",
    ),
    Mutant(
        name="unproven_run_hashes_recorded",
        rule="INTERFACES: only proven months are recorded for later verifications",
        file=_VERIFYING,
        before="if one.verdict is Verdict.PROVEN]",
        after="if one.verdict is not Verdict.FAILED]",
        killed_by=f"{_VERIFICATION}::test_what_is_not_provable_is_recorded_so_and_holds_nobody_to_a_run_hash",
    ),
    Mutant(
        name="not_provable_exits_1",
        rule="INTERFACES: verify exits 3 if it cannot prove everything",
        file="orchestration/cli.py",
        before="raise typer.Exit(verdict.exit_code)",
        after="raise typer.Exit(1)",
        killed_by=f"{_CLI}::test_verify_without_payouts_is_not_provable_and_leaves_no_record",
    ),
    Mutant(
        name="writes_to_a_read_only_home",
        rule="verify works on a read-only copy of a data home",
        file="orchestration/commands/verify.py",
        before='return "the data home is read-only"',
        after="return None",
        killed_by="tests/integration/test_earlier_formats.py::"
        "test_it_is_proven_on_a_read_only_copy_and_nothing_is_written",
    ),
    Mutant(
        name="appends_at_once",
        rule="INTERFACES: each line of the audit log is chained to the one before",
        file="ingestion/durable.py",
        before="        _lock(log, path)\n",
        after="",
        killed_by="tests/unit/ingestion/test_durable.py::"
        "test_an_append_waits_for_the_one_before_and_says_what_it_waits_for",
    ),
    Mutant(
        name="login_forgotten",
        rule="the record names the account that signed in, with the one that acts",
        file="ingestion/os_user.py",
        before='f"{_name(login)} as {_name(uid)}"',
        after="_name(uid)",
        killed_by="tests/unit/ingestion/test_os_user.py::test_the_name_is_the_password_database_s",
    ),
    Mutant(
        name="written_for_all",
        rule="a data home is private to its owner: umask 077",
        file="orchestration/cli.py",
        before="    keep_new_files_private()\n    try:",
        after="    try:",
        killed_by=f"{_CLI}::test_what_a_command_writes_is_private",
    ),
    Mutant(
        name="group_is_no_other",
        rule="a warning names the files that other users can read",
        file="ingestion/private_files.py",
        before="_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO",
        after="_OTHERS: Final = stat.S_IRWXO",
        killed_by="tests/unit/ingestion/test_private_files.py::test_a_group_counts_as_others",
    ),
)
