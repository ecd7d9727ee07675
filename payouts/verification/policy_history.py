"""Checks that a run's policies are those of the project's history for their months (RULES.md §7).

Reads `seeds/policies.csv` directly, without the code that closed the month or the warehouse's copy.
"""

import csv
from datetime import date

from allive.ingestion.settings import Settings
from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Report
from allive.payouts.closed_month.month_files import Policy
from allive.payouts.ledger import CONTROL_FILE
from allive.payouts.months import last_day

History = tuple[tuple[date, Policy], ...]
"""The rows, each with the day it comes into force, oldest first."""


def read_history(report: Report, settings: Settings) -> History | None:
    """Read the project's policies; return None, and report a finding, if they cannot be read."""
    path = settings.policies_path
    try:
        with path.open(encoding="utf-8", newline="") as file:
            policies = [_policy(row) for row in csv.DictReader(file)]
        rows = [(date.fromisoformat(one.policy_valid_from), one) for one in policies]
    except (OSError, ValueError, KeyError) as error:
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        report.at(Check.POLICY, path.name).same("content", found=found, expected="the project's policies")
        return None
    if not report.at(Check.POLICY, path.name).same("has rows", found=bool(rows), expected=True):
        return None
    return tuple(sorted(rows, key=lambda row: row[0]))


def check_policy(report: Report, month: Month, history: History) -> None:
    """Compare the policy of a run, and of each month that it settled again, with the row in force on its last day.

    A month that is settled again keeps the policy it closed with, so it is compared with the row of its own month.
    """
    place = report.at(Check.POLICY, month.file(CONTROL_FILE))
    settled = {"": (month.name, month.control.policy)} | {
        f"adjustments of {again}, ": (again, one.policy) for again, one in month.control.adjustments.items()
    }
    for of, (name, policy) in settled.items():
        in_force = policy_on(history, last_day(name))
        if in_force is None:
            found = f"one from {policy.policy_valid_from} on"
            place.same(f"{of}policy", found=found, expected=f"none: no row is in force on {last_day(name)}")
            continue
        expected = in_force.model_dump()
        for field, value in policy.model_dump().items():
            place.same(f"{of}policy, {field}", found=value, expected=expected[field])


def policy_on(history: History, day: date) -> Policy | None:
    """Return the row in force on a day; None before the first."""
    in_force = [row for valid_from, row in history if valid_from <= day]
    return in_force[-1] if in_force else None


def _policy(row: dict[str, str]) -> Policy:
    values = {name: int(text) if text.isdecimal() else text for name, text in row.items()}
    return Policy.model_validate(values | {"policy_valid_from": row["valid_from"]})
