"""`allive publish CODE`: publishes a serving copy that was refused as emptier, and records the decision."""

from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.publishing.emptier import accept
from allive.orchestration.terminal import refuse, say, showing_progress
from allive.payouts.audit import operator_name


def publish_emptier(settings: Settings, code: str, *, why: str, verbose: bool = False) -> bool:
    """Record the acceptance and publish. Return whether the copy is in service."""
    from allive.orchestration.runs import run_job  # noqa: PLC0415 - Dagster, 4 s

    with hold_data_home(settings, command="allive publish"), showing_progress():
        accept(settings, code, operator=operator_name(settings), why=why)
        outcome = run_job(settings, "republish", verbose=verbose)
    if not outcome.success:
        refuse("Nothing was published.", outcome.failures)
        return False
    copy = outcome.assets["serving/allive"]
    say(f"Serving copy {copy['state']}: {settings.serving_dir / copy['file']}")
    return True
