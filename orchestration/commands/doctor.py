"""`allive doctor`: checks the data home and shows what to do about problems; `--repair` rebuilds its pins."""

from allive.ingestion.counted import counted
from allive.ingestion.pin_problems import PinsError
from allive.ingestion.pins_repair import repair_pins
from allive.ingestion.settings import Settings
from allive.orchestration.checkup import examine
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import refuse, say, table, warn
from allive.payouts.audit import operator_name
from allive.payouts.pins import UnreadableMonthError, closed_versions

_NOT_REPAIRED = "The pins cannot be rebuilt; nothing was changed."


def examine_home(settings: Settings) -> bool:
    """Check every part of the data home and show the result. Return whether nothing failed."""
    findings = examine(settings)
    table(
        "Data home",
        ("part", "", "found"),
        [(finding.part, finding.state, finding.found) for finding in findings],
    )
    notes = [reason for finding in findings if finding.state == "note" for reason in finding.reasons]
    if notes:
        warn("Not failures:", notes)
    failed = [finding for finding in findings if finding.state == "FAILED"]
    if failed:
        refuse(
            counted(len(failed), "check failed: fix the error below.", "checks failed: fix the errors below."),
            dict.fromkeys(reason for finding in failed for reason in finding.reasons),
        )
        return False
    say("The data home is sound.")
    return True


def repair_home(settings: Settings) -> bool:
    """Rebuild the pins from the tables' logs if they are lost, broken or old, then check everything."""
    with hold_data_home(settings, command="allive doctor --repair"):
        try:
            repair = repair_pins(settings, operator=operator_name(settings), at_least=closed_versions(settings))
        except PinsError as error:
            refuse(_NOT_REPAIRED, map(str, error.problems))
            return False
        except UnreadableMonthError as error:
            refuse(_NOT_REPAIRED, [str(error)])
            return False
        say(str(repair) if repair else "The pins match the tables: there was nothing to repair.")
    return examine_home(settings)
