"""What the warm worker imports ahead of a run, in the order in which the run needs it. Imports no Dagster."""


def import_validation_and_dbt() -> None:
    """Import Great Expectations and dbt."""
    import ingestion.expectations.duckdb_datasource  # noqa: PLC0415, F401
    from orchestration.warehouse import import_dbt  # noqa: PLC0415

    import_dbt()
