"""Reads closed months from `payouts/`, the system of record of money. Writes nothing."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from allive.ingestion.home_format import newer_format
from allive.ingestion.settings import Settings
from allive.payouts.months import following, is_month

PAYOUTS_FILE = "artist_payouts.csv"
ADJUSTMENTS_FILE = "adjustments.csv"
LIVES_FILE = "artist_lives.csv"
RESETTLED_FOLDER = "resettled"
BANK_FILE = "sepa-credit-transfers.xml"
"""The bank file of a month of format 1. Since format 2, orders are outside the months (`allive.payouts.payments`)."""
TRANSFERS_FILE = "transfers.csv"
PAYEES_FILE = "payees.csv"
WITHHOLDINGS_FILE = "withholdings.csv"
"""Only in a month on whose payment date a withholding is in force."""
SLICES_FILE = "slices.parquet"
CONTROL_FILE = "control.json"
MANIFEST_FILE = "manifest.json"
GENESIS_HASH: Final = "0" * 64
"""The previous run's hash in the first run of a chain."""
MONTH_FORMAT: Final = 2
"""The newest format of a closed month that this code knows, and the one it writes (`format` of the manifest)."""
FORMAT_WITH_PERIOD_PSEUDONYMS: Final = 2
"""The first format whose slices name periods by their pseudonyms (docs/adr/0034)."""
PERIOD_ID: Final = "period_id"
KEY_CHECK: Final = "pseudonym_key_check"
"""The field of `control.json` with the check value of the key of the pseudonyms."""


@dataclass(frozen=True)
class Manifest:
    """The content of a closed month's `manifest.json`."""

    format: int
    settlement_month: str
    run_hash: str
    previous_run_hash: str
    files: dict[str, str]


def month_dir(settings: Settings, month: str) -> Path:
    """Return the folder of a closed month."""
    return settings.payouts_dir / month


def closed_months(settings: Settings) -> tuple[str, ...]:
    """Return the closed settlement months in order. A month's folder is complete or absent."""
    if not settings.payouts_dir.exists():
        return ()
    folders = (folder.name for folder in settings.payouts_dir.iterdir() if folder.is_dir())
    return tuple(sorted(name for name in folders if is_month(name)))


def next_month(settings: Settings) -> str | None:
    """Return the month that closes next, or None before the first run."""
    closed = closed_months(settings)
    return following(closed[-1]) if closed else None


def read_manifest(settings: Settings, month: str) -> Manifest:
    """Return a closed month's manifest.

    Raises:
        FormatError: The month is newer than the code.
    """
    content = json.loads((month_dir(settings, month) / MANIFEST_FILE).read_text(encoding="utf-8"))
    require_known_month(month, content.get("format", 1))
    return Manifest(
        format=content.get("format", 1),
        settlement_month=content["settlement_month"],
        run_hash=content["run_hash"],
        previous_run_hash=content["previous_run_hash"],
        files=content["files"],
    )


def period_column(month_format: int) -> str:
    """Return the column of `slices.parquet` that names periods, in a format of a closed month."""
    return "period_pseudonym" if month_format >= FORMAT_WITH_PERIOD_PSEUDONYMS else PERIOD_ID


def require_known_month(month: str, found: int) -> None:
    """Refuse a closed month of a format that the code does not know.

    Raises:
        FormatError: It is newer.
    """
    if found > MONTH_FORMAT:
        raise newer_format(f"The closed month {month}", found=found, known=MONTH_FORMAT)


def read_control(settings: Settings, month: str) -> dict[str, Any]:
    """Return a closed month's control totals, policy and pins."""
    content: dict[str, Any] = json.loads((month_dir(settings, month) / CONTROL_FILE).read_text(encoding="utf-8"))
    return content


def catalogue_of(settings: Settings, month: str) -> str:
    """Return the run whose pinned catalogue a closed month keeps: its own run, or the last one that amended it."""
    amended_by = [
        later
        for later in closed_months(settings)
        if read_control(settings, later)["adjustments"].get(month, {}).get("catalogue") == later
    ]
    return amended_by[-1] if amended_by else month


def read_lines(settings: Settings, month: str) -> list[dict[str, str]]:
    """Return the rows of a closed month's `artist_payouts.csv`, as text."""
    with (month_dir(settings, month) / PAYOUTS_FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_adjustments(settings: Settings, month: str) -> list[dict[str, str]]:
    """Return the rows of a closed month's `adjustments.csv`, as text."""
    with (month_dir(settings, month) / ADJUSTMENTS_FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def last_run_hash(settings: Settings) -> str:
    """Return the hash that the next run chains to."""
    closed = closed_months(settings)
    return read_manifest(settings, closed[-1]).run_hash if closed else GENESIS_HASH


def balances(settings: Settings) -> dict[str, int]:
    """Return the balances that the last closed month carried forward, in cents by artist, without zeros."""
    closed = closed_months(settings)
    if not closed:
        return {}
    carried = {row["artist_id"]: int(row["carried_forward_cents"]) for row in read_lines(settings, closed[-1])}
    return {artist_id: cents for artist_id, cents in carried.items() if cents}
