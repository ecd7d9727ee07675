"""How an artist's amount of a closed month came about, from its folder alone: every step checked, none decided here."""

from payouts.explanation.account import Explanation, Part, SubscriberPart
from payouts.explanation.explaining import ContradictionError, explain

__all__ = ["ContradictionError", "Explanation", "Part", "SubscriberPart", "explain"]
