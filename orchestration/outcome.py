"""The result of a run, as the commands report it. Knows nothing of Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CRITICAL: Final = "batch_critical"
"""The check of a record type's new files that holds files."""
WARNINGS: Final = "batch_warnings"
"""The check of a record type's new files that only warns."""
LEFT_OUT: Final = "landing_left_out"
"""The check of landing for entries that are not taken."""
NOTHING_NEW: Final = "nothing new"
"""The verdict on a record type without new files."""
UP_TO_DATE: Final = "up to date"
"""The state of a model or serving copy that did not have to be made again."""


@dataclass(frozen=True)
class FailedCheck:
    """An asset check that did not pass."""

    asset: str
    name: str
    severity: str
    description: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class RunOutcome:
    """The result of a run: metadata by asset key (`schema/table`), failed checks, failed steps."""

    run_id: str
    success: bool
    assets: Mapping[str, Mapping[str, Any]]
    failed_checks: tuple[FailedCheck, ...]
    failures: tuple[str, ...]
