# ruff: noqa: RUF001 - French typography
"""The meaning of ISO 20022 reason codes: in plain words, and for the next payment.

Keyed by list and code, because one code can mean different things: AC16 is a seized account in a return and a wrong
card number in a status. The lists are ISO's external code sets; the classes are ours, and a person may decide
otherwise. A code that is not here, or that is the bank's own, is `unknown` and shown as written: never an error.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allive.payouts.bank_answers.answers import Reason, ReasonList


class ReasonClass(StrEnum):
    """The effect of a reason on the next payment.

    - `quarantine`: the account cannot be paid to; the artist gives another or confirms it.
    - `fix_data`: name, address or BIC is wrong or missing; the account stays good.
    - `temporary`: the same order can be given again on the next business day.
    - `freeze`: nothing is paid until a person decides, and nothing is ordered again by itself.
    - `our_bug`: the order itself is wrong; no further order before that is understood.
    - `information`: it does not question the account.
    - `unknown`: no reason, a text, or a code that is not known here; a person reads it and decides.
    """

    QUARANTINE = "quarantine"
    FIX_DATA = "fix_data"
    TEMPORARY = "temporary"
    FREEZE = "freeze"
    OUR_BUG = "our_bug"
    INFORMATION = "information"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Meaning:
    """A reason in plain words, as a part of a sentence, and its class."""

    reason_class: ReasonClass
    french: str
    english: str


_QUARANTINE: Final = ReasonClass.QUARANTINE
_FIX_DATA: Final = ReasonClass.FIX_DATA
_TEMPORARY: Final = ReasonClass.TEMPORARY
_FREEZE: Final = ReasonClass.FREEZE
_OUR_BUG: Final = ReasonClass.OUR_BUG
_INFORMATION: Final = ReasonClass.INFORMATION
_UNKNOWN: Final = ReasonClass.UNKNOWN

_IN_RETURN_AND_STATUS: Final = {
    "AC01": Meaning(_QUARANTINE, "l’IBAN est incorrect ou n’existe pas", "the IBAN is wrong or does not exist"),
    "AC02": Meaning(_FIX_DATA, "l’IBAN du payeur est incorrect", "the payer's IBAN is wrong"),
    "AC03": Meaning(_QUARANTINE, "l’IBAN du bénéficiaire est incorrect", "the payee's IBAN is wrong"),
    "AC04": Meaning(_QUARANTINE, "le compte est clos", "the account is closed"),
    "AC06": Meaning(_QUARANTINE, "le compte est bloqué", "the account is blocked"),
    "AC07": Meaning(_QUARANTINE, "le compte du bénéficiaire est clos", "the payee's account is closed"),
    "AC13": Meaning(_OUR_BUG, "le type du compte payeur est incorrect", "the type of the payer's account is wrong"),
    "AC15": Meaning(_QUARANTINE, "les coordonnées du compte ont changé", "the account details have changed"),
    "AG01": Meaning(_QUARANTINE, "le compte n’accepte pas de virements", "the account accepts no transfers"),
    "AG02": Meaning(_OUR_BUG, "le code d’opération est incorrect", "the operation code is wrong"),
    "AGNT": Meaning(_FIX_DATA, "une banque intermédiaire est incorrecte", "a bank on the way is wrong"),
    "AM01": Meaning(_OUR_BUG, "le montant est nul", "the amount is zero"),
    "AM02": Meaning(_OUR_BUG, "le montant dépasse le maximum autorisé", "the amount is above the allowed maximum"),
    "AM03": Meaning(_OUR_BUG, "la devise n’est pas acceptée", "the currency is not accepted"),
    "AM04": Meaning(
        _TEMPORARY, "la provision du compte payeur est insuffisante", "the account that pays has not enough funds"
    ),
    "AM05": Meaning(_FREEZE, "la banque y voit un doublon", "the bank takes it for a duplicate"),
    "AM07": Meaning(_FREEZE, "le montant est bloqué par une autorité", "an authority has blocked the amount"),
    "AM09": Meaning(_OUR_BUG, "le montant n’est pas celui attendu", "the amount is not the expected one"),
    "BE01": Meaning(
        _QUARANTINE, "le nom ne correspond pas au titulaire du compte", "the name does not fit the account's holder"
    ),
    "BE04": Meaning(
        _FIX_DATA, "l’adresse du bénéficiaire manque ou est incorrecte", "the payee's address is missing or wrong"
    ),
    "BE05": Meaning(_FREEZE, "le bénéficiaire ne reconnaît pas le payeur", "the payee does not recognise the payer"),
    "BE06": Meaning(_QUARANTINE, "le titulaire est inconnu de la banque", "the bank does not know the holder"),
    "BE07": Meaning(
        _FIX_DATA, "l’adresse du payeur manque ou est incorrecte", "the payer's address is missing or wrong"
    ),
    "CNOR": Meaning(
        _FIX_DATA,
        "la banque du bénéficiaire n’est pas joignable sous ce BIC",
        "the payee's bank cannot be reached under this BIC",
    ),
    "CURR": Meaning(_OUR_BUG, "la devise est incorrecte", "the currency is wrong"),
    "CUST": Meaning(_INFORMATION, "le payeur a demandé l’annulation", "the payer asked to cancel it"),
    "DNOR": Meaning(
        _FIX_DATA,
        "la banque du payeur n’est pas joignable sous ce BIC",
        "the payer's bank cannot be reached under this BIC",
    ),
    "DT01": Meaning(_OUR_BUG, "la date est incorrecte", "the date is wrong"),
    "DT04": Meaning(_OUR_BUG, "une date future n’est pas acceptée", "a date in the future is not accepted"),
    "DUPL": Meaning(_FREEZE, "le paiement est un doublon", "the payment is a duplicate"),
    "ED05": Meaning(_TEMPORARY, "le règlement entre banques a échoué", "the settlement between the banks failed"),
    "FF03": Meaning(_OUR_BUG, "le type de paiement manque ou est incorrect", "the type of payment is missing or wrong"),
    "FF04": Meaning(_OUR_BUG, "le niveau de service est incorrect", "the service level is wrong"),
    "FF05": Meaning(_OUR_BUG, "l’instrument de paiement est incorrect", "the payment instrument is wrong"),
    "FOCR": Meaning(
        _INFORMATION, "le paiement a été rappelé à notre demande", "the payment came back after our recall"
    ),
    "FR01": Meaning(_FREEZE, "une fraude est signalée", "fraud is reported"),
    "MD07": Meaning(_FREEZE, "le titulaire du compte est décédé", "the account's holder has died"),
    "MS02": Meaning(_UNKNOWN, "le client de la banque n’a pas donné de motif", "the bank's customer gave no reason"),
    "MS03": Meaning(_UNKNOWN, "la banque n’a pas donné de motif", "the bank gave no reason"),
    "NARR": Meaning(_UNKNOWN, "le motif est dans le texte de la banque", "the reason is in the bank's text"),
    "NOAS": Meaning(_INFORMATION, "le bénéficiaire n’a pas répondu", "the payee did not answer"),
    "NOCM": Meaning(
        _FREEZE, "le compte ne respecte pas la réglementation", "the account does not comply with regulations"
    ),
    "RC01": Meaning(_FIX_DATA, "le BIC n’a pas le bon format", "the BIC has a wrong format"),
    "RC03": Meaning(_FIX_DATA, "le BIC du payeur manque ou est incorrect", "the payer's BIC is missing or wrong"),
    "RC04": Meaning(_FIX_DATA, "le BIC du bénéficiaire manque ou est incorrect", "the payee's BIC is missing or wrong"),
    "RC07": Meaning(_FIX_DATA, "le BIC du bénéficiaire est incorrect", "the payee's BIC is wrong"),
    "RF01": Meaning(_OUR_BUG, "la référence n’est pas unique", "the reference is not unique"),
    "RR01": Meaning(
        _FIX_DATA, "l’identification du payeur est insuffisante", "the identification of the payer is insufficient"
    ),
    "RR02": Meaning(
        _FIX_DATA, "le nom ou l’adresse du payeur est insuffisant", "the payer's name or address is insufficient"
    ),
    "RR03": Meaning(
        _FIX_DATA, "le nom ou l’adresse du bénéficiaire est insuffisant", "the payee's name or address is insufficient"
    ),
    "RR04": Meaning(_FREEZE, "un motif réglementaire s’y oppose", "a regulation stands against it"),
    "RR05": Meaning(
        _FREEZE, "une information réglementaire manque ou est incorrecte", "regulatory information is missing or wrong"
    ),
    "TM01": Meaning(_TEMPORARY, "l’ordre est arrivé après l’heure limite", "the order came after the cut-off time"),
    "UPAY": Meaning(_FREEZE, "le paiement n’est pas justifié", "the payment is not justified"),
}

_ONLY_IN_RETURN: Final = {
    "AC14": Meaning(_FIX_DATA, "une banque de la chaîne de paiement est incorrecte", "a bank in the chain is wrong"),
    "AC16": Meaning(_QUARANTINE, "le compte est sous séquestre", "the account is under sequestration"),
    "AC17": Meaning(_QUARANTINE, "le compte est en liquidation", "the account is in liquidation"),
    "ARDT": Meaning(_INFORMATION, "le paiement avait déjà été retourné", "the payment had already been returned"),
    "NOOR": Meaning(_INFORMATION, "le paiement initial n’est jamais arrivé", "the first payment never arrived"),
}

_ONLY_IN_STATUS: Final = {
    "AB05": Meaning(_TEMPORARY, "la banque du bénéficiaire n’a pas répondu à temps", "the payee's bank timed out"),
    "AB06": Meaning(_TEMPORARY, "une banque intermédiaire n’a pas répondu à temps", "a bank on the way timed out"),
    "AC05": Meaning(_FIX_DATA, "le compte payeur est clos", "the payer's account is closed"),
    "AC14": Meaning(
        _FIX_DATA, "le type du compte bénéficiaire est incorrect", "the type of the payee's account is wrong"
    ),
    "AC16": Meaning(_OUR_BUG, "le numéro de carte est incorrect", "the card number is wrong"),
    "CH03": Meaning(_OUR_BUG, "la date demandée est trop lointaine", "the requested date is too far ahead"),
    "CH04": Meaning(_OUR_BUG, "la date demandée est trop ancienne", "the requested date is too long ago"),
    "DS02": Meaning(
        _INFORMATION, "une personne habilitée a annulé l’ordre", "an authorised person cancelled the order"
    ),
    "DS0H": Meaning(
        _FIX_DATA, "le signataire n’est pas habilité pour ce compte", "the signer may not sign for the account"
    ),
    "DT02": Meaning(_OUR_BUG, "la date du message est incorrecte", "the date of the message is wrong"),
    "FF01": Meaning(_OUR_BUG, "le format du fichier est incorrect", "the format of the file is wrong"),
    "FF10": Meaning(_TEMPORARY, "la banque a un incident technique", "the bank has a technical problem"),
    "FRAD": Meaning(_FREEZE, "une fraude est signalée", "fraud is reported"),
}

_IN_CANCELLATION: Final = {
    "AC04": Meaning(_QUARANTINE, "le compte du bénéficiaire est clos", "the payee's account is closed"),
    "AGNT": Meaning(
        _INFORMATION, "la banque du bénéficiaire refuse l’annulation", "the payee's bank refuses to cancel"
    ),
    "AM04": Meaning(
        _INFORMATION, "la provision du bénéficiaire est insuffisante", "the payee's account has not enough funds"
    ),
    "ARDT": Meaning(_INFORMATION, "le paiement a déjà été retourné", "the payment has already been returned"),
    "CUST": Meaning(_INFORMATION, "le bénéficiaire refuse l’annulation", "the payee refuses to cancel"),
    "LEGL": Meaning(_INFORMATION, "la réglementation interdit l’annulation", "regulations forbid to cancel"),
    "NARR": Meaning(_UNKNOWN, "le motif est dans le texte de la banque", "the reason is in the bank's text"),
    "NOAS": Meaning(_INFORMATION, "le bénéficiaire n’a pas répondu", "the payee did not answer"),
    "NOOR": Meaning(_INFORMATION, "le paiement n’est jamais arrivé", "the payment never arrived"),
    "RR04": Meaning(_FREEZE, "un motif réglementaire s’y oppose", "a regulation stands against it"),
}

MEANINGS: Final = {
    ReasonList.RETURN: {**_IN_RETURN_AND_STATUS, **_ONLY_IN_RETURN},
    ReasonList.STATUS: {**_IN_RETURN_AND_STATUS, **_ONLY_IN_STATUS},
    ReasonList.CANCELLATION: _IN_CANCELLATION,
}
"""The meaning of each code that a credit transfer can have, by list."""

_NO_REASON: Final = Meaning(_UNKNOWN, "la banque n’a pas donné de motif", "the bank gave no reason")


def meaning_of(reason: Reason | None) -> Meaning:
    """Return the meaning of a reason as the bank stated it. Nothing is refused.

    >>> meaning_of(Reason(ReasonList.RETURN, "AC04", is_proprietary=False, text="")).english
    'the account is closed'
    >>> meaning_of(Reason(ReasonList.RETURN, "AC04", is_proprietary=True, text="")).english
    'the reason given is “AC04”'
    """
    if reason is None or not (reason.code or reason.text):
        return _NO_REASON
    known = None if reason.is_proprietary else MEANINGS[reason.reason_list].get(reason.code or "")
    words = reason.code or reason.text
    return known or Meaning(_UNKNOWN, f"le motif donné est «\u00a0{words}\u00a0»", f"the reason given is “{words}”")
