"""What the register of payments says of a payee when a run is computed (RULES.md §10).

Whoever reads the register fills it in; the run and its proof decide with it, each by its own code.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """The standing of one artist. IBANs are in electronic format.

    Attributes:
        is_held: Whether a hold on the artist is not lifted yet.
        ibans_set_aside: IBANs from which a payment was returned, and which nobody has confirmed since.
        ibans_confirmed: IBANs that an operator confirmed, on record.
    """

    is_held: bool = False
    ibans_set_aside: frozenset[str] = frozenset()
    ibans_confirmed: frozenset[str] = frozenset()
