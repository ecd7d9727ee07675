"""What the warm worker does ahead of a run, in the order in which the run needs it. Imports no Dagster."""

from ingestion.settings import Settings


def warm_up(settings: Settings) -> None:
    """Import Great Expectations and dbt, and read the dbt project's manifest."""
    import ingestion.expectations.duckdb_datasource  # noqa: PLC0415, F401
    from orchestration.warehouse import warm_up_dbt  # noqa: PLC0415

    warm_up_dbt(settings)
