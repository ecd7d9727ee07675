"""Settlement months as monthly partitions in Europe/Paris: previewed (writes nothing) and closed (permanently)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from allive.ingestion.counted import counted
from allive.ingestion.paris_days import PARIS
from allive.ingestion.settings import Settings
from allive.ingestion.waiting import waiting_files
from allive.orchestration import progress
from allive.orchestration.alerts import Alert, send
from allive.orchestration.defs.resources import DataHome
from allive.orchestration.run_tags import REFRESHING
from allive.payouts import ledger
from allive.payouts.close_orders import CloseOrder, end_order, open_orders, order_close, orders_that_closed
from allive.payouts.close_warnings import in_words
from allive.payouts.closing import Preview, close_month, preview_month, settle_month
from allive.payouts.due import due_months
from allive.payouts.errors import Refusal
from allive.payouts.month_checks import check_month, critical_refusals
from allive.payouts.run import ClosedRun
from allive.payouts.settlement import first_month_with_periods, read_settlement
from allive.payouts.warehouse_file import open_warehouse

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01", fmt="%Y-%m", timezone=PARIS.key)
MARTS_SETTLED_FROM = (
    "dim_payees",
    "fct_artist_lives",
    "fct_artist_months",
    "fct_close_blockers",
    "fct_close_warnings",
    "fct_period_slices",
    "fct_player_health",
    "fct_settlement_months",
    "fct_watch_days",
)
PREVIEW = dg.AssetKey(["payouts", "month_preview"])
CLOSED = dg.AssetKey(["payouts", "closed_month"])
MAY_CLOSE = "may_close"
MONTH_WARNINGS = "month_warnings"
WARNINGS_SAY = "Open warnings that a person should look at before the month closes. They forbid nothing by themselves."
SCHEDULE = "schedule (auto_close)"
_MOST_WARNINGS = 10
_MOST_FILES = 5
_TIME_TO_APPROVE = timedelta(hours=12)


class Closing(dg.Config):
    """The id of the order to carry out (`allive.payouts.close_orders`). A run without an order closes nothing by hand.

    A run's config can name an order, but not give one: only `allive payout` and the signed-in page give orders, one for
    each close.
    """

    order: str | None = None


@dg.asset(
    key=PREVIEW,
    partitions_def=MONTHS,
    deps=[["marts", mart] for mart in MARTS_SETTLED_FROM],
    group_name="payouts",
    kinds={"python"},
    owners=["team:finance-operations"],
    pool="warehouse",
    check_specs=[
        dg.AssetCheckSpec(MAY_CLOSE, asset=PREVIEW, description="Fails if anything prevents the close of the month."),
        dg.AssetCheckSpec(MONTH_WARNINGS, asset=PREVIEW, description=WARNINGS_SAY),
    ],
)
def month_preview(
    context: dg.AssetExecutionContext, data_home: DataHome
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """The figures the month would close with on today's data, verified: control totals as metadata. Writes nothing."""
    month, settings = context.partition_key, data_home.settings
    preview, reasons = _preview(settings, month)
    yield _may_close(PREVIEW, reasons, blocks=False)
    yield _month_warnings(PREVIEW, preview)
    waiting = waiting_files(settings)
    metadata = control_totals(preview.run) if preview else _what_is_known(settings, month, reasons)
    yield dg.MaterializeResult(metadata={**metadata, "waiting_in_landing": list(waiting)})


@dg.asset(
    key=CLOSED,
    partitions_def=MONTHS,
    deps=[["marts", mart] for mart in MARTS_SETTLED_FROM],
    group_name="payouts",
    kinds={"python"},
    owners=["team:finance-operations"],
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
    """The paid month: `payouts/<month>/`, immutable. Closed from the 3rd of the next month on."""
    month, settings = context.partition_key, data_home.settings
    if config.order is None and not settings.auto_close:
        preview, reasons = _preview(settings, month)
        where = send(settings, _waiting_for_a_person(month, preview, reasons))
        yield _month_warnings(CLOSED, preview)
        yield _may_close(CLOSED, reasons, blocks=False)
        context.log.info("auto_close is off: %s was not closed, alert to %s", month, where)
        return
    if config.order is not None and config.order in orders_that_closed(settings, month):
        # The command that approved the order was faster than the service.
        yield _month_warnings(CLOSED, None)
        yield _may_close(CLOSED, (), blocks=True)
        context.log.info("%s is closed already, by this order", month)
        return
    progress.tell(f"closing {month}")
    try:
        _require_all_loaded(settings, month, began=data_home.held_since)
        if failed := critical_refusals(check_month(settings, month)):
            raise Refusal(month, failed)  # noqa: TRY301 - several checks refuse, and one handler reports it
        preview = settle_month(settings, month)
        yield _month_warnings(CLOSED, preview)
        if config.order is None:
            _require_good_refresh(context.instance, month)
        order = _order_by_schedule(settings, month, preview) if config.order is None else config.order
        run = close_month(
            settings, month, order_id=order, progress=lambda what, how_far: progress.tell(f"{what} {month}", how_far)
        )
    except Refusal as refusal:
        if config.order is not None:
            end_order(settings, config.order, why=f"refused: {refusal.reasons[-1]}")
        yield _may_close(CLOSED, refusal.reasons, blocks=True)
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    yield _may_close(CLOSED, (), blocks=True)
    yield dg.MaterializeResult(
        metadata={**control_totals(run), "run_hash": run.run_hash or "", "folder": str(run.path)},
        data_version=dg.DataVersion(run.run_hash or ""),
    )


def control_totals(run: ClosedRun) -> dict[str, Any]:
    """Return the run's totals as Dagster metadata: whole numbers and text directly, the rest as JSON."""
    return {
        name: value if isinstance(value, int | str) else dg.MetadataValue.json(value)
        for name, value in run.control.items()
    }


def _preview(settings: Settings, month: str) -> tuple[Preview | None, tuple[str, ...]]:
    """The result the month would close with, or every reason why it cannot close."""
    progress.tell(f"settling {month}")
    failed = critical_refusals(check_month(settings, month, with_docs=False))
    try:
        preview = preview_month(
            settings, month, progress=lambda what, how_far: progress.tell(f"{what} {month}", how_far)
        )
    except Refusal as refusal:
        return None, (*refusal.reasons, *failed)
    return (None, failed) if failed else (preview, ())


def _require_all_loaded(settings: Settings, month: str, *, began: datetime) -> None:
    """Refuse a close if files that landed before it began are not loaded (RULES.md §6), also when started in the UI."""
    waiting = waiting_files(settings, landed_before=began)
    if waiting:
        had = counted(
            len(waiting), "file had landed when this began and was", "files had landed when this began and were"
        )
        named = ", ".join(waiting[:_MOST_FILES]) + (" …" if len(waiting) > _MOST_FILES else "")
        reason = f"{had} not loaded: {named}. Close with `allive payout {month}`, which loads first."
        raise Refusal(month, (reason,))


def _require_good_refresh(instance: dg.DagsterInstance, month: str) -> None:
    """Refuse a scheduled close if the last refresh failed: the published figures do not show what it found."""
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    last = [
        record
        for job in REFRESHING
        for record in instance.get_run_records(dg.RunsFilter(job_name=job, statuses=finished), limit=1)
    ]
    if last:
        run = max(last, key=lambda record: record.storage_id).dagster_run
        if run.status is dg.DagsterRunStatus.FAILURE:
            reason = (
                f"The last refresh failed (run {run.run_id[:8]}). `allive run` shows why. Once it succeeds, the "
                f"schedule closes the month, or `allive payout {month}` does."
            )
            raise Refusal(month, (reason,))


def _order_by_schedule(settings: Settings, month: str, preview: Preview) -> str:
    """Give the order on behalf of auto_close: the month must be due, without a warning that the settings stop at."""
    today = datetime.now(UTC).astimezone(PARIS).date()
    with open_warehouse(settings) as con:
        first_month = first_month_with_periods(con)
    # The first run can be for any month up to the first that has periods (RULES.md §6).
    first_month = first_month and min(first_month, month)
    if month not in due_months(ledger.closed_months(settings), first_month=first_month, today=today)[:1]:
        reason = f"It is not due: auto_close closes the oldest month from its payout day on; today is {today}."
        raise Refusal(month, (reason,))
    stopping = [one for one in preview.warnings if one.kind in settings.auto_close_stops_at]
    if stopping:
        raise Refusal(
            month,
            (
                *in_words(stopping, most=_MOST_WARNINGS),
                (
                    f"auto_close stops at these warnings (ALLIVE_AUTO_CLOSE_STOPS_AT). Look at each, then "
                    f"`allive payout {month} --acknowledge {preview.acknowledgement}`."
                ),
            ),
        )
    order = _open_order_of_schedule(settings, month, preview) or order_close(
        settings, month, operator=SCHEDULE, origin="schedule", acknowledged=preview.acknowledgement
    )
    if settings.second_person and order.approved_by is None:
        reason = (
            f"The schedule ordered the close ({order.order_id[:12]}), and it waits for a person: approve it on the "
            f"page /orders of the dashboards, or with `allive payout {month} --approve {order.order_id[:12]}`."
        )
        raise Refusal(month, (reason,))
    return order.order_id


def _open_order_of_schedule(settings: Settings, month: str, preview: Preview) -> CloseOrder | None:
    """An earlier order of the schedule for the same warnings, with time left to approve it."""
    soon = datetime.now(UTC) + _TIME_TO_APPROVE
    orders = [
        order
        for order in open_orders(settings)
        if (order.origin, order.settlement_month, order.acknowledged) == ("schedule", month, preview.acknowledgement)
        and order.valid_until > soon
    ]
    return orders[-1] if orders else None


def _what_is_known(settings: Settings, month: str, reasons: tuple[str, ...]) -> dict[str, Any]:
    """The reasons why a month cannot close, and its totals in the warehouse."""
    with open_warehouse(settings) as con:
        settlement = read_settlement(con, month)
    return {"reasons": list(reasons), **(settlement.totals if settlement else {})}


def _month_warnings(key: dg.AssetKey, preview: Preview | None) -> dg.AssetCheckResult:
    warnings = preview.warnings if preview else ()
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=MONTH_WARNINGS,
        passed=not warnings,
        severity=dg.AssetCheckSeverity.WARN,
        description=counted(len(warnings), "warning is open", "warnings are open") if warnings else None,
        metadata={
            "warnings": list(in_words(warnings, most=_MOST_WARNINGS)),
            "acknowledgement": preview.acknowledgement or "" if preview else "",
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


def _waiting_for_a_person(month: str, preview: Preview | None, reasons: tuple[str, ...]) -> Alert:
    if preview is None:
        return Alert(
            subject=f"{month} cannot close yet",
            found=reasons,
            next_step=f"Fix the errors above, then `allive payout {month}`. The schedule asks again tomorrow.",
        )
    figures = ("periods", "envelope_cents", "earned_cents", "paid_cents", "paid_artists")
    acknowledge = f" --acknowledge {preview.acknowledgement}" if preview.acknowledgement else ""
    return Alert(
        subject=f"{month} is ready to close and waits for you",
        found=(
            *(f"{name}: {preview.run.control[name]}" for name in figures),
            *in_words(preview.warnings, most=_MOST_WARNINGS),
        ),
        next_step=f"Look at `allive payout {month} --dry-run`, then `allive payout {month}{acknowledge}`.",
    )
