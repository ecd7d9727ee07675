"""Dagster and the command line: thin wires around `ingestion`, `payouts` and the dbt project."""
