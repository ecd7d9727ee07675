# ruff: noqa: RUF001 - French typography
"""The meaning of ISO 20022 status codes in a status report (pain.002), in plain words.

A status is about the order. None of them proves that money moved: only a movement on the account does. A verification
of payee compares the name with the account's holder; whatever it finds, the order is not rejected by it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class StatusClass(StrEnum):
    """The state of an order by its status: `verified` is the result of a verification of payee."""

    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    PENDING = "pending"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    VERIFIED = "verified"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class StatusMeaning:
    """A status in plain words, as a part of a sentence, and its class."""

    status_class: StatusClass
    french: str
    english: str


_ACCEPTED: Final = StatusClass.ACCEPTED
_PENDING: Final = StatusClass.PENDING
_VERIFIED: Final = StatusClass.VERIFIED

MEANINGS: Final = {
    "ACCC": StatusMeaning(_ACCEPTED, "réglé sur le compte du bénéficiaire", "settled on the payee's account"),
    "ACCP": StatusMeaning(_ACCEPTED, "accepté après contrôle du client", "accepted after checks of the customer"),
    "ACFC": StatusMeaning(_ACCEPTED, "accepté, provision vérifiée", "accepted, funds checked"),
    "ACSC": StatusMeaning(_ACCEPTED, "réglé selon la banque", "settled, the bank says"),
    "ACSP": StatusMeaning(_ACCEPTED, "accepté pour exécution", "accepted for execution"),
    "ACTC": StatusMeaning(_ACCEPTED, "accepté après contrôle technique", "accepted after technical checks"),
    "ACWC": StatusMeaning(_ACCEPTED, "accepté avec une modification", "accepted with a change"),
    "ACWP": StatusMeaning(_ACCEPTED, "accepté, pas encore crédité", "accepted, not yet credited"),
    "ACFW": StatusMeaning(_PENDING, "en attente de notre confirmation", "waiting for our confirmation"),
    "PATC": StatusMeaning(_PENDING, "en attente d’une autre signature", "waiting for another signature"),
    "PDNG": StatusMeaning(_PENDING, "en attente", "pending"),
    "RCVD": StatusMeaning(_PENDING, "reçu par la banque", "received by the bank"),
    "PART": StatusMeaning(StatusClass.PARTLY_ACCEPTED, "accepté en partie", "accepted in part"),
    "RJCT": StatusMeaning(StatusClass.REJECTED, "rejeté par la banque", "rejected by the bank"),
    "CANC": StatusMeaning(StatusClass.CANCELLED, "annulé à notre demande", "cancelled at our request"),
    "RCVC": StatusMeaning(_VERIFIED, "le nom correspond au titulaire", "the name fits the account's holder"),
    "RVCM": StatusMeaning(
        _VERIFIED, "certains noms ne correspondent pas", "some names do not fit the account's holder"
    ),
    "RVMC": StatusMeaning(_VERIFIED, "le nom correspond presque", "the name nearly fits the account's holder"),
    "RVNA": StatusMeaning(_VERIFIED, "la vérification du nom n’est pas possible", "the name cannot be verified"),
    "RVNC": StatusMeaning(_VERIFIED, "la vérification du nom est en cours", "the name is being verified"),
    "RVNM": StatusMeaning(
        _VERIFIED, "le nom ne correspond pas au titulaire", "the name does not fit the account's holder"
    ),
}


def status_meaning(code: str | None) -> StatusMeaning:
    """Return the meaning of a status code; one that is not known here is shown as written.

    >>> status_meaning("RVNM").status_class.value, status_meaning("XXXX").english
    ('verified', 'the bank writes “XXXX”')
    """
    if code is None:
        return StatusMeaning(StatusClass.UNKNOWN, "la banque n’indique pas d’état", "the bank gives no status")
    unknown = StatusMeaning(StatusClass.UNKNOWN, f"la banque écrit «\u00a0{code}\u00a0»", f"the bank writes “{code}”")
    return MEANINGS.get(code, unknown)
