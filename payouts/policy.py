"""The project's policy history: rows of a file, each in force from a day on (RULES.md §7)."""

import csv
from dataclasses import dataclass
from datetime import date

from allive.ingestion.settings import Settings
from allive.payouts.errors import Refusal
from allive.payouts.months import last_day


@dataclass(frozen=True)
class Policy:
    """The columns of a policy row that are used outside the warehouse; the warehouse has the whole row."""

    valid_from: date
    look_back_months: int


def read_policies(settings: Settings) -> tuple[Policy, ...]:
    """Return the policy's history in order."""
    with settings.policies_path.open(encoding="utf-8", newline="") as file:
        rows = [
            Policy(date.fromisoformat(row["valid_from"]), int(row["look_back_months"])) for row in csv.DictReader(file)
        ]
    return tuple(sorted(rows, key=lambda policy: policy.valid_from))


def policy_of(settings: Settings, month: str) -> Policy:
    """Return the policy in force on the last day of a settlement month.

    Raises:
        Refusal: No policy is in force on that day.
    """
    day = last_day(month)
    in_force = [policy for policy in read_policies(settings) if policy.valid_from <= day]
    if not in_force:
        reason = (
            f"No policy is in force on its last day, {day.isoformat()}; expected a row of "
            f"{settings.policies_path.name} with a valid_from on or before it."
        )
        raise Refusal(month, (reason,), "be settled")
    return in_force[-1]
