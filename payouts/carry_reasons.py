"""The reasons that a run records and that statements and commands explain."""

from enum import StrEnum


class CarryReason(StrEnum):
    """Why an amount is carried forward instead of paid."""

    BELOW_MINIMUM = "below_minimum"
    NEGATIVE = "negative"
    NO_IBAN = "no_iban"
    BAD_IBAN = "bad_iban"
    IBAN_CHANGED = "iban_changed"
