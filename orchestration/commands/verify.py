"""`allive verify`: closed months proven again, and the proof put on record."""

from ingestion.settings import Settings
from orchestration import progress
from orchestration.home_lock import hold_data_home
from orchestration.terminal import refuse, say, showing_progress, table, warn
from payouts import audit
from payouts.verification import Verification, record_verification, verify


def verify_months(settings: Settings, month: str | None, *, anchor: str | None) -> bool:
    """Verify one closed month or all; whether nothing was found."""
    with hold_data_home(settings, command="allive verify"):
        with showing_progress():
            verification = verify(
                settings, month, anchor=anchor, progress=lambda what: progress.tell("verifying", what)
            )
        entry = record_verification(settings, verification, operator=audit.operator_name(settings))
    _show(verification)
    if not verification.is_proven:
        refuse(
            f"{len(verification.findings)} thing(s) are not as they must be.",
            [str(finding) for finding in verification.findings],
        )
        return False
    if not verification.months:
        say("No month is closed, and the audit log knows of none.")
        return True
    say(
        f"Proven: {', '.join(verification.months)}. Newest run: {verification.last_run_hash}. "
        f"On record since {entry['at']}."
    )
    say(f"Note outside of this data home, for `--anchor`: {audit.head(settings)}")
    return True


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
    if verification.unchecked:
        warn(
            "Could not be checked:",
            [f"{unchecked.month}, {unchecked.what}: {unchecked.why}" for unchecked in verification.unchecked],
        )
