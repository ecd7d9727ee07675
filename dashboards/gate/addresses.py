"""Addresses that the gate and others name; light, so that a command can name them too."""

from typing import Final

PREFIX: Final = "/operations"
"""Where operators find the orchestrator; Dagster's own pages know that they are below it."""
STREAM: Final = f"{PREFIX}/graphql"
"""GraphQL: by POST, and by websocket for subscriptions."""
ORDERS: Final = "/orders"
"""The orders to close."""
