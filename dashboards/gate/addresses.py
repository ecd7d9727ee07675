"""Addresses used by the gate and by other packages. No heavy imports, so that commands can use it too."""

from typing import Final

PREFIX: Final = "/operations"
"""Path prefix of the orchestrator; Dagster's own pages are served under it."""
STREAM: Final = f"{PREFIX}/graphql"
"""GraphQL: by POST, and by websocket for subscriptions."""
ORDERS: Final = "/orders"
"""Path of the orders to close."""
