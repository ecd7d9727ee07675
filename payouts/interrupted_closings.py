"""Cleans up after a closing that was killed. Every command does this first, so it imports nothing that closes."""

import json
import shutil
from typing import Any

from allive.ingestion.settings import Settings
from allive.payouts import audit, ledger, pseudonyms
from allive.payouts.payments.catching_up import catch_up


def finish_interrupted_closings(settings: Settings) -> None:
    """Clean up `payouts/` after a crash: record a month that appeared without its audit line, delete leftovers.

    Then its orders (`payments.catching_up`).
    """
    if not settings.payouts_dir.exists():
        return
    for intent_path in settings.payouts_dir.glob(".closing-*.json"):
        intent = json.loads(intent_path.read_text(encoding="utf-8"))
        _record_if_closed(settings, intent)
        intent_path.unlink()
    pseudonyms.drop_half_made_key(settings)
    for leftover in settings.payouts_dir.glob(".closing-*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    catch_up(settings)


def _record_if_closed(settings: Settings, intent: dict[str, Any]) -> None:
    month = intent["settlement_month"]
    if month not in ledger.closed_months(settings):
        return
    is_recorded = any(
        entry["action"] == "close" and entry.get("run_hash") == intent["run_hash"] for entry in audit.entries(settings)
    )
    if not is_recorded and ledger.read_manifest(settings, month).run_hash == intent["run_hash"]:
        audit.record(settings, **intent)
