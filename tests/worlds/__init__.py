"""Small random worlds as landed files: everything that goes wrong in a real platform, by seed.

Shares no code with the product: what a world means is for the oracle and the product to say.
"""

from tests.worlds.broken import Broken
from tests.worlds.world import BLOCKERS, Size, World

__all__ = ["BLOCKERS", "Broken", "Size", "World"]
