"""All SQL queries of the dashboards. Each function takes the principal first and calls `access` before it reads."""
