"""The nightly maintenance of the raw tables, as an op: it changes files, but no asset's content."""

from dataclasses import asdict
from typing import Any

import dagster as dg

from allive.orchestration.defs.resources import DataHome
from allive.orchestration.upkeep import compact_raw, vacuum_raw


@dg.op(pool="warehouse", out=dg.Out(dg.Nothing))
def keep_raw_tables(context: dg.OpExecutionContext, data_home: DataHome) -> dg.Output[None]:
    """Merge the small files of many deliveries into few, then delete files unused for the grace period."""
    compacted = compact_raw(data_home.settings)
    vacuumed = vacuum_raw(data_home.settings)
    metadata: dict[str, Any] = {
        "records_rewritten": sum(one.records for one in compacted),
        "bytes_read": sum(one.bytes_read for one in compacted),
        "bytes_written": sum(one.bytes_written for one in compacted),
        "files_merged": sum(one.merged for one in compacted),
        "files_deleted": sum(one.files for one in vacuumed),
        "bytes_deleted": sum(one.bytes for one in vacuumed),
        "files_kept": sum(one.kept for one in vacuumed),
    }
    for name, rows in (("merged", compacted), ("deleted", vacuumed)):
        if rows:
            metadata[name] = dg.MetadataValue.table([dg.TableRecord(asdict(row)) for row in rows])
    context.log.info("%(files_merged)s files merged, %(files_deleted)s deleted", metadata)
    return dg.Output(None, metadata=metadata)


@dg.job(description="Keep the raw tables fast: merge small files, delete unused ones.")
def raw_upkeep() -> None:
    """Run the maintenance by itself."""
    keep_raw_tables()


@dg.definitions
def upkeep_definitions() -> dg.Definitions:
    """Define the job."""
    return dg.Definitions(jobs=[raw_upkeep])
