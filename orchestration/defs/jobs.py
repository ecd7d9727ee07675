"""The jobs that commands, schedules and sensors start."""

import dagster as dg

from allive.ingestion.contracts import RECORD_TYPES
from allive.ingestion.raw_tables import REJECTS
from allive.orchestration.defs.payouts.months import CLOSED, PREVIEW
from allive.orchestration.defs.publish.serving import serving_copy

_RAW = dg.AssetSelection.assets(
    *(["raw", record_type] for record_type in RECORD_TYPES)
) | dg.AssetSelection.checks_for_assets(["raw", REJECTS])
# The whole warehouse: everything that leads to a mart, tests included. A part of it would mix different inputs.
_WAREHOUSE = dg.AssetSelection.groups("staging", "intermediate", "marts")

_REFRESHED = _RAW | _WAREHOUSE | dg.AssetSelection.assets(serving_copy)

refresh = dg.define_asset_job(
    "refresh",
    selection=_REFRESHED,
    description="Load new files, build and check the warehouse, publish the serving copy.",
)
rebuild = dg.define_asset_job(
    "rebuild",
    selection=_REFRESHED,
    config={"ops": {"warehouse": {"config": {"rebuild": True}}}},
    description="Like `refresh`, but deletes the warehouse first and builds everything from the raw tables.",
)
payout = dg.define_asset_job(
    "payout",
    selection=_RAW | _WAREHOUSE | dg.AssetSelection.assets(CLOSED),
    description="Load new files, build the warehouse on the current bookings and close a month by an order.",
)
payout_preview = dg.define_asset_job(
    "payout_preview",
    selection=_WAREHOUSE | dg.AssetSelection.assets(PREVIEW),
    description="Preview the close of a month; writes nothing.",
)
monthly_payout = dg.define_asset_job(
    "monthly_payout",
    selection=_RAW | _WAREHOUSE | dg.AssetSelection.assets(CLOSED),
    description="The scheduled payout: loads new files; closes the month if auto_close is on, else sends an alert.",
)
republish = dg.define_asset_job(
    "republish",
    selection=_WAREHOUSE | dg.AssetSelection.assets(serving_copy),
    description="Build the warehouse on the bookings of a month that has just closed, and publish it.",
)


@dg.definitions
def jobs() -> dg.Definitions:
    """Collect the jobs."""
    return dg.Definitions(jobs=[refresh, rebuild, payout, payout_preview, monthly_payout, republish])
