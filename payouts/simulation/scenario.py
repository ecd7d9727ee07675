"""The changes to a month's policy for a simulation (RULES.md §7)."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Scenario:
    """Another policy for a month; None keeps the month's own value.

    Attributes:
        envelope_cents: Replaces envelopes that equal the one of the month's policy, delivered with the period or not;
            never more than the price. A period with another envelope, such as a yearly plan's, keeps it.
        is_pro_rata: Whether all envelopes are one pot, split by watch time (RULES.md §5, counterfactual).
    """

    envelope_cents: int | None = None
    minimum_payout_cents: int | None = None
    pool_rule: Literal["equal", "direct"] | None = None
    minimum_pool_share_bp: int | None = None
    minimum_live_s: int | None = None
    is_pro_rata: bool = False

    def applied_to(self, policy: dict[str, Any]) -> dict[str, Any]:
        """Return the policy with the changes applied."""
        changes = {name: value for name, value in asdict(self).items() if name in policy and value is not None}
        return policy | changes
