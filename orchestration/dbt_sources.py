"""The dbt sources of the raw tables, to select the models that depend on a table."""

from typing import Final

SOURCE_OF_RAW_TABLE: Final = {
    "artist_categories": "catalogue.artist_categories",
    "artists": "catalogue.artists",
    "heartbeats": "player.heartbeats",
    "live_credits": "catalogue.live_credits",
    "lives": "catalogue.lives",
    "rejects": "player.rejects",
    "subscriptions": "billing.periods",
}
"""Table in schema `raw` → source and table in `dbt_project/models/staging/`."""
