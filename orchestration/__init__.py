"""Dagster and the command line: a thin layer over `ingestion`, `payouts` and the dbt project."""
