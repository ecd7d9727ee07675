"""The check before any work on the raw layer: its pins must match its tables and every closed month.

So must the key of the pseudonyms, without which booked periods are not recognised.
"""

from collections.abc import Iterable

from allive.ingestion.pin_problems import PinsError
from allive.ingestion.pins_repair import repair_lost_pins
from allive.ingestion.settings import Settings
from allive.payouts import pseudonyms
from allive.payouts.audit import operator_name
from allive.payouts.pins import UnreadableMonthError, closed_versions, pin_refusals


class UnsoundPinsError(Exception):
    """The raw layer contradicts itself or a closed month: loading, building and closing are refused."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(self.reasons)

    def __str__(self) -> str:
        return " · ".join(self.reasons)


def require_sound_pins(settings: Settings) -> str | None:
    """Check the pins, and rebuild lost ones if that is safe; return a message for the operator if any were rebuilt.

    The data home must be locked.

    Raises:
        UnsoundPinsError: A problem that a person must look at; each reason says what to do.
        PseudonymKeyError: The key of the pseudonyms is not the one of the closed months.
    """
    try:
        repair = repair_lost_pins(settings, operator=operator_name(settings), at_least=closed_versions(settings))
    except PinsError as error:
        raise UnsoundPinsError(map(str, error.problems)) from error
    except UnreadableMonthError as error:
        raise UnsoundPinsError([str(error)]) from error
    if reasons := pin_refusals(settings):
        raise UnsoundPinsError(reasons)
    pseudonyms.require_key_of_months(settings)
    return str(repair) if repair else None
