"""The reasons that a run records and that statements and commands explain."""

from enum import StrEnum


class CarryReason(StrEnum):
    """Why an amount is carried forward instead of paid, in the order in which the reasons apply."""

    NEGATIVE = "negative"
    HELD = "held"
    BELOW_MINIMUM = "below_minimum"
    NO_IBAN = "no_iban"
    BAD_IBAN = "bad_iban"
    NOT_SEPA = "not_sepa"
    RETURNED = "returned"
    IBAN_UNDATED = "iban_undated"
    IBAN_CHANGED = "iban_changed"
