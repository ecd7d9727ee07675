"""Landed files → raw tables: one asset per record type, with its batch's checks as asset checks."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.load import BatchReport, CheckResult, load_new_files, validate_files
from allive.ingestion.not_taken import find_not_taken
from allive.ingestion.raw_tables import read_pins
from allive.ingestion.settings import Settings
from allive.orchestration import progress, warm_worker
from allive.orchestration.defs.resources import DataHome
from allive.orchestration.outcome import CRITICAL, LEFT_OUT, NOTHING_NEW, WARNINGS

# Refreshed daily at 05:00 and whenever files land: after two missed refreshes a table is stale.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=50), warn_window=timedelta(hours=26))
_LOADING = "loading landed files"
_NAMED_AT_MOST = 10


def raw_asset(record_type: str) -> dg.AssetsDefinition:
    """Define `raw/<record_type>`: the accepted records of the landed files, each file exactly once."""
    key = dg.AssetKey(["raw", record_type])

    @dg.asset(
        key=key,
        group_name="raw",
        kinds={"deltalake", "greatexpectations"},
        owners=["team:data-platform"],
        freshness_policy=FRESHNESS,
        description=(
            f"Accepted records of `landing/{record_type}`: typed, with file, line and batch number. A row is one "
            "landed record; redeliveries are kept, rejected records are in raw/rejects. A few minutes behind landing."
        ),
        check_specs=[
            dg.AssetCheckSpec(
                CRITICAL,
                asset=key,
                description="Critical checks of landed files. A file that fails one is held and not loaded.",
            ),
            dg.AssetCheckSpec(
                WARNINGS, asset=key, description="Findings that a person should look at. They stop nothing."
            ),
        ],
    )
    def load(
        context: dg.AssetExecutionContext, data_home: DataHome
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        progress.tell(_LOADING, record_type)
        began = time.monotonic()
        report = load_new_files(
            data_home.settings, record_type, validator=_validate, progress=progress.Bytes(_LOADING).add
        )
        seconds = time.monotonic() - began
        version = read_pins(data_home.settings).versions.get(record_type)
        if report is None:
            context.log.info("nothing new in landing/%s", record_type)
        checks = report.checks if report else ()
        yield _check_result(key, CRITICAL, [c for c in checks if c.severity == "critical"], report)
        yield _check_result(key, WARNINGS, [c for c in checks if c.severity == "warning"], report)
        yield dg.MaterializeResult(
            metadata=_metadata(report, version, seconds), data_version=dg.DataVersion(str(version))
        )

    return load


def _validate(
    settings: Settings, record_type: str, files: tuple[Path, ...], landed: tuple[str, ...] | None
) -> tuple[CheckResult, ...]:
    return warm_worker.call(validate_files, settings, record_type, files, landed)


def _metadata(report: BatchReport | None, version: int | None, seconds: float) -> dict[str, Any]:
    if report is None:
        return {"verdict": NOTHING_NEW, "files": 0, "records": 0, "version": version or 0}
    return {
        "verdict": report.verdict,
        "batch": report.batch_id,
        "batch_number": report.batch_number,
        "files": report.files,
        "already_loaded": report.already_loaded,
        "records": report.records - report.held_records,
        "rejects": report.rejects - report.held_rejects,
        "held_files": len(report.held_files),
        "held": [*report.held_files[:_NAMED_AT_MOST]],
        "rejected": [asdict(kind) for kind in report.rejected],
        "rejected_kinds": report.rejected_kinds,
        "judged": report.records + report.rejects,
        "bytes": report.bytes,
        "seconds": round(seconds, 3),
        "unreadable": dict(report.unreadable[:_NAMED_AT_MOST]),
        "unreadable_files": len(report.unreadable),
        "version": version or 0,
    }


def _check_result(
    key: dg.AssetKey, name: str, checks: list[CheckResult], report: BatchReport | None
) -> dg.AssetCheckResult:
    """Sum up a batch's checks of one severity. Without a new batch they pass.

    Not blocking, although critical: a held batch is in none of the tables that downstream assets read.
    """
    failed = [check for check in checks if not check.passed]
    rows = [
        dg.TableRecord(
            {
                "check": check.name,
                "passed": check.passed,
                "found": check.found,
                "expected": check.expected,
                "detail": check.detail,
            }
        )
        for check in (*failed, *(check for check in checks if check.passed))
    ]
    metadata: dict[str, Any] = {"batch": report.batch_id if report else "nothing new"}
    if rows:
        metadata["results"] = dg.MetadataValue.table(rows)
    if failed:
        metadata["in_words"] = [
            f"{check.name}: found {check.found}; expected {check.expected}"
            + (f". {check.detail}" if check.detail else "")
            for check in failed
        ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if name == CRITICAL else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{check.name}: found {check.found}, expected {check.expected}" for check in failed)
        or None,
        metadata=metadata,
    )


@dg.definitions
def raw_definitions() -> dg.Definitions:
    """Define the raw assets, and the rejects that the same loads write."""
    raw = [raw_asset(record_type) for record_type in RECORD_TYPES]
    rejects = dg.AssetSpec(
        key=["raw", "rejects"],
        deps=raw,
        group_name="raw",
        kinds={"deltalake"},
        owners=["team:data-platform"],
        description="Landed records that broke a rule: file, line, reason, raw text. Written by every load.",
    )
    check = dg.asset_check(
        asset=rejects.key,
        name=LEFT_OUT,
        additional_deps=raw,
        description="Entries in landing that are not taken. A person must move them or deliver them again.",
    )(left_out)
    return dg.Definitions(assets=[*raw, rejects], asset_checks=[check])


def left_out(data_home: DataHome) -> dg.AssetCheckResult:
    """Warn about entries in landing that are not taken, for operators who look at runs of the service."""
    found = find_not_taken(data_home.settings, with_last_load=True)
    named = [f"{entry.name}: {entry.reason}" for entry in found.named[:_NAMED_AT_MOST]]
    more = found.count - len(named)
    return dg.AssetCheckResult(
        passed=not found.count,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{found.count:,} not taken from landing" if found.count else None,
        metadata={
            "in_words": [*named, *([f"and {more:,} more"] if more else [])],
            "kept out by their names": sum(found.kept_out.values()),
        },
    )
