"""The early work of the warm worker, in the order in which the run needs it. Does not import Dagster."""

from allive.ingestion.settings import Settings


def warm_up(settings: Settings) -> None:
    """Import Great Expectations and dbt, and read the dbt project's manifest."""
    import allive.ingestion.expectations.duckdb_datasource  # noqa: PLC0415, F401
    from allive.orchestration.warehouse import warm_up_dbt  # noqa: PLC0415

    warm_up_dbt(settings)
