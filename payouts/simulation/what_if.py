"""What of a month's policy is changed for a simulation (RULES.md §7)."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class WhatIf:
    """Another policy; None keeps what the month has.

    Attributes:
        envelope_cents: Of periods whose envelope is what the month's policy gives, whether it was delivered with them
            or not; never more than their price. A period with another envelope, as a yearly plan may have, keeps it.
        is_pro_rata: All envelopes are one pot, split by watch time (RULES.md §5, counterfactual).
    """

    envelope_cents: int | None = None
    minimum_payout_cents: int | None = None
    pool_rule: Literal["equal", "direct"] | None = None
    minimum_pool_share_bp: int | None = None
    minimum_live_s: int | None = None
    is_pro_rata: bool = False

    def applied_to(self, policy: dict[str, Any]) -> dict[str, Any]:
        """Return the policy with what is changed."""
        changes = {name: value for name, value in asdict(self).items() if name in policy and value is not None}
        return policy | changes
