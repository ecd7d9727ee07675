"""One declarative contract per record type: the only definition of its columns and reject rules."""

from allive.ingestion.contracts import (
    artist_categories,
    artists,
    heartbeats,
    live_credits,
    lives,
    subscriptions,
)
from allive.ingestion.contracts.contract import Contract, Field, RowRule

CONTRACTS: dict[str, Contract] = {
    module.CONTRACT.record_type: module.CONTRACT
    for module in (heartbeats, subscriptions, artists, artist_categories, lives, live_credits)
}
RECORD_TYPES: tuple[str, ...] = tuple(CONTRACTS)

__all__ = ["CONTRACTS", "RECORD_TYPES", "Contract", "Field", "RowRule"]
