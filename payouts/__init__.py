"""Closing months: booking, balances, files, audit. Knows no Dagster."""
