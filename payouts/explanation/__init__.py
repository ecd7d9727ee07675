"""Explains an artist's amount of a closed month from its folder alone. Checks every step, decides none."""

from allive.payouts.explanation.account import Explanation, Part, SubscriberPart
from allive.payouts.explanation.explaining import ContradictionError, explain

__all__ = ["ContradictionError", "Explanation", "Part", "SubscriberPart", "explain"]
