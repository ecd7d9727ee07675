"""Queries of the management pages, one module per page. Each function calls `access.require_platform` first."""
