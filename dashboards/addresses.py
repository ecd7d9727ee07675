"""Addresses that the gate, the pages and the commands use."""

from typing import Final

PREFIX: Final = "/operations"
"""Path prefix of the orchestrator; Dagster's own pages are served under it."""
STREAM: Final = f"{PREFIX}/graphql"
"""GraphQL: by POST, and by websocket for subscriptions."""
ORDERS: Final = "/orders"
"""Path of the orders to close."""
DATA_DOCS: Final = "/files/data-docs"
"""Path of the data docs: the index, and a page for each suite of expectations."""
