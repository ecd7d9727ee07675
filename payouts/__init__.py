"""Closing months: booking, balances, files, audit. Does not import Dagster."""
