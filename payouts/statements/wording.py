"""Turns a `Statement` into the French strings that the template prints."""

from typing import Any, Final

from allive.payouts.carry_reasons import CarryReason
from allive.payouts.months import following
from allive.payouts.statements.french import (
    count,
    day,
    duration,
    euros,
    few,
    month_name,
    of_month,
    percent,
    printable,
    typographic,
)
from allive.payouts.statements.month import BalanceEntry, EntryKind, Party, Statement
from allive.payouts.withheld import WithheldLine

LONGEST_NAME: Final = 160
"""Longer names and ids are cut when they are printed."""
_LONGEST_TITLE: Final = 160
_LONGEST_NOTE: Final = 300
TRANSFER_ORDERED: Final = "Virement ordonné"
NO_TRANSFER: Final = "Aucun virement"
TO_BE_PAID: Final = "À régler"
_ENTRY_WORDS: Final = {
    EntryKind.PAYMENT_RETURNED: ("Virement retourné par la banque", "le virement retourné"),
    EntryKind.RETURNED: ("Virement retourné par la banque", "le virement retourné"),
    EntryKind.GIVEN_BACK: ("Virement annulé avant son exécution", "le virement annulé"),
    EntryKind.SETTLED: ("Payé autrement que par virement", "la somme payée autrement"),
    EntryKind.WRITE_OFF: ("Solde effacé par Allive", "le solde effacé"),
}
"""A balance entry as a line and within a sentence."""
_WHY_CARRIED: Final = {
    CarryReason.NEGATIVE: (
        "Des corrections dépassent vos gains. Vous n'avez rien à faire : vos prochains gains combleront cet écart."
    ),
    CarryReason.HELD: (
        "Nous avons suspendu vos paiements le temps d'une vérification. Écrivez-nous pour en connaître la raison : dès "
        "qu'elle sera terminée, cette somme vous sera virée avec le relevé suivant."
    ),
    CarryReason.BELOW_MINIMUM: (
        "Un virement part dès {minimum}. D'ici là, cette somme est gardée pour vous et s'ajoute à vos prochains gains."
    ),
    CarryReason.NO_IBAN: (
        "Nous n'avons pas encore votre IBAN. Dès que nous l'aurons, cette somme vous sera virée avec le relevé suivant."
    ),
    CarryReason.BAD_IBAN: (
        "Votre IBAN semble contenir une erreur. Vérifiez-le avec nous, et cette somme vous sera virée avec le "
        "prochain relevé."
    ),
    CarryReason.NOT_SEPA: (
        "Votre compte est dans un pays que nos virements n'atteignent pas. Donnez-nous l'IBAN d'un compte de la zone "
        "SEPA, ou écrivez-nous pour être payé autrement : d'ici là, cette somme est gardée pour vous."
    ),
    CarryReason.RETURNED: (
        "La banque nous a renvoyé un virement fait sur ce compte. Donnez-nous un autre IBAN, ou confirmez-nous "
        "celui-ci : cette somme vous sera alors virée avec le relevé suivant."
    ),
    CarryReason.IBAN_UNDATED: (
        "Nous avons reçu plusieurs IBAN à votre nom sans savoir lequel est le plus récent. Confirmez-nous le bon : "
        "cette somme vous sera alors virée avec le relevé suivant."
    ),
    CarryReason.IBAN_CHANGED: (
        "Votre IBAN vient de changer. Par sécurité, nous attendons dix jours avant d'y envoyer de l'argent : cette "
        "somme vous sera virée avec le prochain relevé."
    ),
}
"""The reason and, where there is something to do, what."""


def month_page(statement: Statement, *, pro_rata_cents: int, run_hash: str, contact: str) -> dict[str, Any]:
    """Return the strings of `templates/month.typ`; amounts are formatted, nothing is left to compute."""
    month = month_name(statement.settlement_month)
    return {
        "number": statement.number,
        "month": month,
        "date": [statement.payment_date.year, statement.payment_date.month, statement.payment_date.day],
        "artist": artist_heading(statement.artist_name, statement.artist_id),
        "artist_id": printable(statement.artist_id, longest=LONGEST_NAME),
        "payee": party_lines(statement.payee, heading=statement.artist_name),
        "payer": party_lines(statement.payer),
        "outcome": _outcome(statement),
        "lives": [
            [
                printable(live.title, longest=_LONGEST_TITLE),
                duration(live.watch_ms),
                few(live.paying_subscribers),
                euros(cents),
            ]
            for live, cents in zip(statement.lives, statement.lives_cents, strict=True)
        ],
        "shares": _shares(statement),
        "earned": [f"Gagné en {month}", euros(statement.earned_cents)],
        "balance": _balance_lines(statement),
        "payable": ["Votre solde", euros(statement.payable_cents)],
        "settled": [
            *_payment_lines(statement),
            [
                f"Reporté sur {month_name(following(statement.settlement_month))}",
                euros(statement.carried_forward_cents),
            ],
        ],
        "vat_note": vat_sentence(statement.vat_note),
        "sentences": [
            typographic(sentence)
            for sentence in (_direct_sentence(statement), _pool_sentence(statement), _sum_sentence(statement))
        ],
        "pro_rata": typographic(_pro_rata_sentence(statement.earned_cents, pro_rata_cents)),
        "contact": contact_sentence(contact),
        "run_hash": run_hash,
    }


def artist_heading(name: str, artist_id: str) -> str:
    """Return the artist's name for the page heading; never empty, which PDF/UA forbids."""
    return printable(name, longest=LONGEST_NAME) or printable(artist_id, longest=LONGEST_NAME) or "Artiste"


def contact_sentence(contact: str) -> str:
    """Return the sentence that says whom to write to."""
    return typographic(f"Une question, un doute ? Écrivez à {contact} en joignant ce relevé.")


def vat_sentence(note: str) -> str:
    """Return the sentence about VAT as it is printed; empty if there is none."""
    return typographic(printable(note, longest=_LONGEST_NOTE))


def party_lines(party: Party, *, heading: str = "") -> list[str]:
    """Return a legal identity in lines; its name is left out if `heading` is the same."""
    name = printable(party.legal_name or "", longest=LONGEST_NAME)
    return [
        line
        for line in (
            name if name != heading else "",
            f"SIREN\u00a0{_in_threes(party.siren)}" if party.siren else "",
            f"TVA\u00a0{printable(party.vat_id, longest=LONGEST_NAME)}" if party.vat_id else "",
            ", ".join(printable(line, longest=LONGEST_NAME) for line in party.address),
        )
        if line
    ]


def _in_threes(siren: str) -> str:
    """Return a SIREN as it is written in France.

    >>> _in_threes("732829320").replace(chr(0xa0), " ")
    '732 829 320'
    """
    return "\u00a0".join(siren[place : place + 3] for place in range(0, len(siren), 3))


def _payment_lines(statement: Statement) -> list[list[str]]:
    """Return the lines from the amount paid to the order. A statement is older than its payment: nothing is done yet.

    The order asks for the payment date, or for the next day on which banks work (RULES.md §10).
    """
    order = [_order_label(statement), euros(statement.ordered_cents)]
    if not statement.withheld:
        return [order]
    return [
        [TO_BE_PAID, euros(statement.paid_cents)],
        *([_withheld_label(one), euros(-one.withheld_cents)] for one in statement.withheld),
        order,
    ]


def _order_label(statement: Statement) -> str:
    if not statement.ordered_cents:
        return NO_TRANSFER
    return f"{TRANSFER_ORDERED}, à partir du {day(statement.payment_date)}"


def _withheld_label(one: WithheldLine) -> str:
    name, creditor = (printable(text, longest=LONGEST_NAME) for text in (one.name, one.owed_to))
    return typographic(f"Retenu : {name} ({percent(one.rate_bp)}), pour {creditor}")


def _outcome(statement: Statement) -> dict[str, str]:
    if statement.paid_cents:
        if not statement.ordered_cents:
            return {"label": NO_TRANSFER, "amount": euros(0), "why": "Tout ce qui est à régler est retenu."}
        return {
            "label": f"{TRANSFER_ORDERED}, à partir du {day(statement.payment_date)}",
            "amount": euros(statement.ordered_cents),
            "why": f"vers votre compte {statement.account}",
        }
    next_month = month_name(following(statement.settlement_month))
    return {
        "label": f"Reporté sur {next_month}" if statement.carried_forward_cents else "À virer",
        "amount": euros(statement.carried_forward_cents),
        "why": typographic(_why_carried(statement)),
    }


def _why_carried(statement: Statement) -> str:
    if not statement.carry_reason:
        return "Votre solde est à zéro ce mois-ci."
    return _WHY_CARRIED[CarryReason(statement.carry_reason)].format(minimum=euros(statement.minimum_payout_cents))


def _shares(statement: Statement) -> list[list[str]]:
    if statement.pool_nanos is None:
        return []
    return [[_pool_label(statement), euros(statement.pool_cents)]]


def _pool_label(statement: Statement) -> str:
    return f"Votre part du pot commun, partagé {_how_shared(statement)}"


def _how_shared(statement: Statement) -> str:
    how = "en proportion de leur part directe" if statement.pool.rule == "direct" else "à parts égales"
    members = statement.pool.members
    return f"{how} entre {count(members)} artiste{'s' if members > 1 else ''}"


def _balance_lines(statement: Statement) -> list[list[str]]:
    return [
        ["Solde du relevé précédent", euros(statement.opening_cents)],
        *([entry_label(entry), euros(entry.cents)] for entry in statement.balance_entries),
        [f"Gagné en {month_name(statement.settlement_month)}", euros(statement.earned_cents)],
        *(
            [f"Régularisation {of_month(adjustment.corrects_month)}", euros(adjustment.cents)]
            for adjustment in statement.adjustments
        ),
    ]


def entry_label(entry: BalanceEntry) -> str:
    """Return a balance entry as a line of the account."""
    label, _ = _ENTRY_WORDS[entry.kind]
    return f"{label} ({month_name(entry.settlement_month)})" if entry.settlement_month else label


def _direct_sentence(statement: Statement) -> str:
    how = (
        f"Chaque abonnement réserve {euros(statement.envelope_cents)} aux artistes que l'abonné a regardés, "
        "selon le temps passé et non le nombre de vues"
    )
    if not statement.direct_cents:
        return f"{how} ; ce mois-ci, aucun de ces euros ne vous revient directement."
    return (
        f"{how} ; vos lives ont été regardés {duration(statement.watch_ms)} et {few(statement.paying_subscribers)} "
        f"abonnés vous ont ainsi apporté {euros(statement.direct_cents)}."
    )


def _pool_sentence(statement: Statement) -> str:
    what = (
        "Ce que rapportent les artistes connus et les abonnés qui n'ont rien regardé forme un pot commun "
        f"de {euros(statement.pool.cents)}"
    )
    if statement.pool_nanos is None:
        return f"{what} ; vous n'y avez pas de part ce mois-ci."
    return f"{what}, partagé {_how_shared(statement)} ; votre part est de {euros(statement.pool_cents)}."


def _sum_sentence(statement: Statement) -> str:
    earned = f"Ensemble, cela fait {euros(statement.earned_cents)} gagnés"
    others = [
        f"{what} ({euros(cents)})"
        for what, cents in (
            ("le solde précédent", statement.opening_cents),
            *((_ENTRY_WORDS[entry.kind][1], entry.cents) for entry in statement.balance_entries),
            ("les régularisations", statement.adjustment_cents),
        )
        if cents
    ]
    if not others:
        return f"{earned} : c'est votre solde."
    return f"{earned} ; avec {_listed(others)}, votre solde est de {euros(statement.payable_cents)}."


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} et {last}" if first else last


def _pro_rata_sentence(earned_cents: int, pro_rata_cents: int) -> str:
    difference = pro_rata_cents - earned_cents
    compared = (
        f"soit {euros(abs(difference))} de {'plus' if difference > 0 else 'moins'} qu'ici"
        if difference
        else "soit autant qu'ici"
    )
    return (
        "Si tous les euros avaient formé un seul pot, partagé selon le temps de visionnage de toute la "
        f"plateforme, vous auriez gagné {euros(pro_rata_cents)}, {compared}."
    )
