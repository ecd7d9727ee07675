"""Small random worlds as landed files, by seed: everything that goes wrong on a real platform.

Shares no code with the product: only the oracle and the product interpret a world.
"""

from tests.worlds.broken import Broken
from tests.worlds.world import BLOCKERS, Size, World

__all__ = ["BLOCKERS", "Broken", "Size", "World"]
