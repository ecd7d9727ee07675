"""The serving copy as an asset."""

from typing import Any

import dagster as dg

from allive.orchestration import progress
from allive.orchestration.defs.resources import DataHome
from allive.orchestration.outcome import UP_TO_DATE
from allive.orchestration.parsed_project import parsed_project
from allive.orchestration.publishing import PUBLISHED_MARTS, publish
from allive.orchestration.publishing.data_state import checks_of
from allive.orchestration.warehouse import read_finished_build


@dg.asset(
    key=["serving", "allive"],
    deps=[["marts", mart] for mart in PUBLISHED_MARTS],
    group_name="serving",
    kinds={"duckdb"},
    owners=["team:data-platform"],
    pool="warehouse",
)
def serving_copy(data_home: DataHome) -> dg.MaterializeResult[Any]:
    """All data of the dashboards in one read-only file: marts, closed months, estimates, scenarios, state of the data.

    No subscriber and no bank account is named in it. A run whose checks failed publishes nothing: the copy in service
    stays, and shows its date.
    """
    progress.tell("publishing the serving copy")
    settings = data_home.settings
    build = read_finished_build(settings)
    if build is None:
        raise dg.Failure(
            description="The warehouse is not fully built; expected a build without failures. Run `allive run`.",
            allow_retries=False,
        )
    copy = publish(settings, inputs=build.inputs.fingerprint, checks=checks_of(build, parsed_project(settings)))
    return dg.MaterializeResult(
        metadata={
            "file": copy.path.name,
            "state": "published" if copy.is_new else UP_TO_DATE,
            "bytes": copy.path.stat().st_size,
            "dagster/row_count": sum(copy.rows.values()),
            "rows": copy.rows,
        },
        data_version=dg.DataVersion(copy.inputs[:16]),
    )
