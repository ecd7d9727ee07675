"""The facts of a payee in the register of payments, as a run needs them (RULES.md §10).

They decide nothing by themselves: the run and its proof weigh them, each by its own code.
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
