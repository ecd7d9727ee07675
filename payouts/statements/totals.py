"""Reads a statement's totals back from the PDF's own text: what the artist sees, not what the writer meant."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allive.payouts.statements.wording import NO_TRANSFER, TO_BE_PAID, TRANSFER_ORDERED

_AMOUNT: Final = "(?P<minus>\u2212?)(?P<whole>\\d{1,3}(?:\u202f\\d{3})*),(?P<part>\\d\\d)\u202f€"

_ORDERED: Final = f"(?:{TRANSFER_ORDERED}|{NO_TRANSFER}|Versé le)"
"""« Versé le » is how statements of earlier versions name an order."""


class UnreadableStatementError(ValueError):
    """The PDF is not a statement written by Allive."""


@dataclass(frozen=True)
class StatementTotals:
    """The totals printed on a statement. `ordered_cents` are the paid cents less what is withheld of them."""

    number: str
    run_hash: str
    earned_cents: int
    paid_cents: int
    carried_forward_cents: int
    ordered_cents: int


def read_statement_total(pdf: Path) -> StatementTotals:
    """Return the totals printed in a monthly statement.

    Reads only the text after the last title « Votre compte ». No text that people wrote is printed there, so no live's
    title can pose as a total.

    Raises:
        UnreadableStatementError: The file is not a PDF, or a total is not in its place.
    """
    _, found, account = _text(pdf).rpartition("\nVotre compte\n")
    if not found:
        account = ""
    ordered_cents = _cents(_last(f"^{_ORDERED}.* {_AMOUNT}$", account, pdf=pdf))
    has_withheld = re.search(f"^{TO_BE_PAID} ", account, re.MULTILINE)
    return StatementTotals(
        number=_last(r"^Relevé n° (ALV-\d{4}-\d{2}-\d{5,}) ", account, pdf=pdf)[1],
        run_hash=_last(r"^Empreinte de la clôture ([0-9a-f]{64})$", account, pdf=pdf)[1],
        earned_cents=_cents(_last(f"^Gagné en .* {_AMOUNT}$", account, pdf=pdf)),
        paid_cents=_cents(_last(f"^{TO_BE_PAID} {_AMOUNT}$", account, pdf=pdf)) if has_withheld else ordered_cents,
        carried_forward_cents=_cents(_last(f"^Reporté sur .* {_AMOUNT}$", account, pdf=pdf)),
        ordered_cents=ordered_cents,
    )


def _text(pdf: Path) -> str:
    # The import takes 0.2 s. `allive run` imports this package too, and must not pay for it each time.
    from pypdf import PdfReader  # noqa: PLC0415

    try:
        return "\n".join(["", *(page.extract_text() for page in PdfReader(pdf).pages)])
    except Exception as error:  # a changed byte can break the reader anywhere
        raise UnreadableStatementError(
            f"{pdf.name} cannot be read as a PDF ({error}). Make the month's statements again from its folder."
        ) from error


def _last(pattern: str, text: str, *, pdf: Path) -> re.Match[str]:
    *_, last = (None, *re.finditer(pattern, text, re.MULTILINE))
    if last is None:
        raise UnreadableStatementError(
            f"{pdf.name}: no line like {pattern!r} under « Votre compte », as every monthly statement has. "
            "Make the month's statements again from its folder."
        )
    return last


def _cents(amount: re.Match[str]) -> int:
    cents = int(amount["whole"].replace("\u202f", "")) * 100 + int(amount["part"])
    return -cents if amount["minus"] else cents
