"""Months: previewed and closed."""
