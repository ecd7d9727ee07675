"""RULES.md §4: which lives count, which artists get their watch time, and an artist's category on a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tests.oracle.landed_records import CategoryChange, Live

ALL_SHARES_BP = 10_000
POOL_CATEGORIES = frozenset({"emerging", "independent"})


@dataclass(frozen=True)
class Catalogue:
    """Lives, credits and categories in force."""

    lives: Mapping[str, Live]
    credits: Mapping[str, tuple[tuple[str, int], ...]]
    categories: tuple[CategoryChange, ...]

    def counts(self, live_id: str, *, minimum_live_s: int) -> bool:
        """A live counts "if `kind = 'live'`, it is exclusive, and `duration_s >= 1800`"."""
        live = self.lives.get(live_id)
        return live is not None and live.kind == "live" and live.exclusive and live.duration_s >= minimum_live_s

    def shares(self, live_id: str) -> tuple[tuple[str, int], ...]:
        """The (artist_id, share_bp) pairs of a live."""
        return self.credits.get(live_id, ())

    def shares_are_whole(self, live_id: str) -> bool:
        """Whether "a live's shares sum to 10,000"."""
        return sum(share_bp for _, share_bp in self.shares(live_id)) == ALL_SHARES_BP

    def has_two_shares_of_one_artist(self, live_id: str) -> bool:
        """Whether a live credits one artist twice, which blocks the close."""
        artists = [artist_id for artist_id, _ in self.shares(live_id)]
        return len(artists) != len(set(artists))

    def category(self, artist_id: str, on: date) -> str | None:
        """ "The one with the latest `valid_from` on or before that day"."""
        so_far = [change for change in self.categories if change.artist_id == artist_id and change.valid_from <= on]
        return max(so_far, key=lambda change: change.valid_from).category if so_far else None
