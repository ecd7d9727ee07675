"""Settlement months as monthly partitions in Europe/Paris: previewed (writes nothing) and closed (for good)."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ingestion.reports import CheckResult
from orchestration import progress
from orchestration.alerts import Alert, send
from orchestration.defs.resources import DataHome
from payouts.closing import close_month, refusals
from payouts.errors import Refusal
from payouts.month_checks import check_month, critical_refusals
from payouts.run import ClosedRun
from payouts.settlement import open_warehouse, read_settlement

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01", fmt="%Y-%m", timezone="Europe/Paris")
MARTS_SETTLED_FROM = (
    "dim_payees",
    "fct_artist_months",
    "fct_close_blockers",
    "fct_period_slices",
    "fct_settlement_months",
    "fct_watch_days",
)
PREVIEW = dg.AssetKey(["payouts", "month_preview"])
CLOSED = dg.AssetKey(["payouts", "closed_month"])
MAY_CLOSE = "may_close"
MONTH_WARNINGS = "month_warnings"
WARNINGS_SAY = "Whether the month's days look as usual. Forbids nothing."


class Closing(dg.Config):
    """Who asked for it. Nobody: the month closes only where auto_close is on, so that no default can close one."""

    operator: str | None = None


@dg.asset(
    key=PREVIEW,
    partitions_def=MONTHS,
    deps=[["marts", mart] for mart in MARTS_SETTLED_FROM],
    group_name="payouts",
    kinds={"python"},
    pool="warehouse",
    check_specs=[
        dg.AssetCheckSpec(MAY_CLOSE, asset=PREVIEW, description="Whether anything refuses to close the month."),
        dg.AssetCheckSpec(MONTH_WARNINGS, asset=PREVIEW, description=WARNINGS_SAY),
    ],
)
def month_preview(
    context: dg.AssetExecutionContext, data_home: DataHome
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """What the month would close to on today's data: control totals as metadata; writes nothing."""
    month = context.partition_key
    progress.tell(f"settling {month}")
    checks = check_month(data_home.settings, month)
    reasons = (*refusals(data_home.settings, month), *critical_refusals(checks))
    yield _may_close(PREVIEW, reasons, blocks=False)
    yield _month_warnings(PREVIEW, checks)
    yield dg.MaterializeResult(metadata=_preview_figures(data_home, month, reasons))


@dg.asset(
    key=CLOSED,
    partitions_def=MONTHS,
    deps=[PREVIEW, *(["marts", mart] for mart in MARTS_SETTLED_FROM)],
    group_name="payouts",
    kinds={"python"},
    pool="warehouse",
    output_required=False,
    check_specs=[
        dg.AssetCheckSpec(
            MAY_CLOSE,
            asset=CLOSED,
            description="Every rule that must hold for a month to close (RULES.md §4-§6).",
            blocking=True,
        ),
        dg.AssetCheckSpec(MONTH_WARNINGS, asset=CLOSED, description=WARNINGS_SAY),
    ],
)
def closed_month(
    context: dg.AssetExecutionContext, config: Closing, data_home: DataHome
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """The month as it is paid: `payouts/<month>/`, immutable. Closed from the 3rd of the next month on."""
    month, settings = context.partition_key, data_home.settings
    checks = check_month(settings, month)
    failed = critical_refusals(checks)
    yield _month_warnings(CLOSED, checks)
    if config.operator is None and not settings.auto_close:
        reasons = (*refusals(settings, month), *failed)
        where = send(settings, _waiting_for_a_person(data_home, month, reasons))
        yield _may_close(CLOSED, reasons, blocks=False)
        context.log.info("auto_close is off: %s was not closed, alert to %s", month, where)
        return
    progress.tell(f"closing {month}")
    try:
        if failed:
            raise Refusal(month, failed)  # noqa: TRY301 - refused by one of two gates, told in one way
        run = close_month(
            settings,
            month,
            operator=config.operator,
            progress=lambda done, total: progress.tell(f"closing {month}", f"{done} of {total} statements"),
        )
    except Refusal as refusal:
        yield _may_close(CLOSED, refusal.reasons, blocks=True)
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    yield _may_close(CLOSED, (), blocks=True)
    yield dg.MaterializeResult(
        metadata={**control_totals(run), "run_hash": run.run_hash or "", "folder": str(run.path)},
        data_version=dg.DataVersion(run.run_hash or ""),
    )


def control_totals(run: ClosedRun) -> dict[str, Any]:
    """Return the run's totals as Dagster metadata: whole numbers as they are, the rest as JSON."""
    return {
        name: value if isinstance(value, int | str) else dg.MetadataValue.json(value)
        for name, value in run.control.items()
    }


def _preview_figures(data_home: DataHome, month: str, reasons: tuple[str, ...]) -> dict[str, Any]:
    """Return the control totals of the dry run, or of a refused month what the warehouse knows of it."""
    if not reasons:
        return control_totals(close_month(data_home.settings, month, dry_run=True))
    with open_warehouse(data_home.settings) as con:
        settlement = read_settlement(con, month)
    return {"reasons": list(reasons), **(settlement.totals if settlement else {})}


def _month_warnings(key: dg.AssetKey, checks: tuple[CheckResult, ...]) -> dg.AssetCheckResult:
    warnings = [check for check in checks if not check.passed and check.severity == "warning"]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=MONTH_WARNINGS,
        passed=not warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "warnings": [f"Expected that {check.expected}; {check.found}. {check.detail}".strip() for check in warnings]
        },
    )


def _may_close(key: dg.AssetKey, reasons: tuple[str, ...], *, blocks: bool) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=MAY_CLOSE,
        passed=not reasons,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description=" · ".join(reasons) or None,
        metadata={"reasons": list(reasons)},
    )


def _waiting_for_a_person(data_home: DataHome, month: str, reasons: tuple[str, ...]) -> Alert:
    figures = _preview_figures(data_home, month, reasons)
    if reasons:
        return Alert(
            subject=f"{month} cannot close yet",
            found=reasons,
            next_step=f"Mend what is named here, then `allive payout {month}`.",
        )
    return Alert(
        subject=f"{month} is ready to close and waits for you",
        found=tuple(
            f"{name}: {figures[name]}"
            for name in ("periods", "envelope_cents", "earned_cents", "paid_cents", "paid_artists")
        ),
        next_step=f"Look at `allive payout {month} --dry-run`, then close it with `allive payout {month}`.",
    )
