"""`allive verify`: verifies closed months again, shows a verdict for each, and records the result."""

import textwrap
from contextlib import ExitStack

from allive.ingestion.counted import counted
from allive.ingestion.home_format import FormatError
from allive.ingestion.private_files import is_writable
from allive.ingestion.settings import Settings
from allive.orchestration import progress
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import refuse, say, showing_progress, table, warn
from allive.payouts import audit
from allive.payouts.formats import require_known
from allive.payouts.interrupted_closings import finish_interrupted_closings
from allive.payouts.verification import Verdict, Verification, record_verification, verify

_REASONS_WIDTH = 50
"""With this width the verdicts fit 80 columns."""
_MOST_LISTED = 6
_SHOWN = {Verdict.PROVEN: "proven", Verdict.FAILED: "FAILED", Verdict.NOT_PROVABLE: "not provable"}


def verify_months(settings: Settings, month: str | None, *, anchor: str | None) -> Verdict:
    """Verify one closed month or all, and return the verdict.

    Nothing is written to a data home that is read-only or newer than the code: no lock, no record.
    """
    why_unrecorded = _why_nothing_is_written(settings)
    with ExitStack() as stack:
        if why_unrecorded is None:
            stack.enter_context(hold_data_home(settings, command="allive verify"))
            finish_interrupted_closings(settings)
        with showing_progress():
            verification = verify(
                settings, month, anchor=anchor, progress=lambda what: progress.tell("verifying", what)
            )
        if why_unrecorded is None and not audit.log_path(settings).exists():
            why_unrecorded = "the data home has no audit log"
        if why_unrecorded is None:
            entry = record_verification(settings, verification, operator=audit.operator_name(settings))
            on_record = f"Recorded at {entry['at']}."
        else:
            on_record = f"Not recorded: {why_unrecorded}."
        head = audit.head(settings) if why_unrecorded is None else verification.audit_head
    _show(verification)
    _conclude(verification, on_record, head=head)
    return verification.verdict


def _why_nothing_is_written(settings: Settings) -> str | None:
    if not (is_writable(settings.home) and is_writable(settings.payouts_dir)):
        return "the data home is read-only"
    try:
        require_known(settings)
    except FormatError:
        return "the data home is newer than this version of the project, or does not say its format"
    return None


def _conclude(verification: Verification, on_record: str, *, head: str) -> None:
    if verification.verdict is Verdict.FAILED:
        failed = sum(count.failed for count in verification.counts)
        verdict = counted(failed, "check failed: fix the error below.", "checks failed: fix the errors below.")
        refuse(verdict, [str(finding) for finding in verification.findings])
        say(on_record)
        return
    if verification.verdict is Verdict.NOT_PROVABLE:
        warn(
            "Nothing wrong was found, but not everything could be checked:",
            [f"{unchecked.month}: {unchecked}" for unchecked in verification.unchecked],
        )
    elif verification.months:
        say(f"Proven: {_listed(verification.months)}.")
        say(f"Newest run: {verification.last_run_hash}")
    else:
        say("No month is closed, and the audit log lists none.")
    say(on_record)
    if verification.run_hashes:
        say("Keep this hash outside the data home, for `allive verify --anchor`:")
        say(head)


def _listed(months: tuple[str, ...]) -> str:
    if len(months) <= _MOST_LISTED:
        return ", ".join(months)
    return f"{counted(len(months), 'month')}, {months[0]} to {months[-1]}"


def _show(verification: Verification) -> None:
    table(
        "Verification",
        ("check", "comparisons", "failed", ""),
        [
            (
                count.check.title,
                count.compared,
                count.failed,
                "FAILED" if count.failed else "ok" if count.compared else "",
            )
            for count in verification.counts
        ],
    )
    if verification.verdicts:
        table(
            "Verdicts",
            ("month", "verdict", "why"),
            [
                (one.month, _SHOWN[one.verdict], "\n".join(_folded(reason) for reason in one.reasons))
                for one in verification.verdicts
            ],
        )


def _folded(reason: str) -> str:
    return textwrap.fill(reason, _REASONS_WIDTH, subsequent_indent="  ")
