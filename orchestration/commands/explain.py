"""`allive explain`: shows how an artist's amount in a closed month was computed, as a table, CSV or JSON."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TextIO

from allive.ingestion.counted import counted
from allive.ingestion.settings import Settings
from allive.orchestration.home_lock import hold_data_home
from allive.orchestration.terminal import Amount, refuse, say, table
from allive.payouts import audit, ledger
from allive.payouts.balances import IBAN_SETTLING_DAYS
from allive.payouts.carry_reasons import CarryReason
from allive.payouts.errors import Refusal
from allive.payouts.explanation import ContradictionError, Explanation, Part, SubscriberPart, explain
from allive.payouts.explanation.account import SlicePart
from allive.payouts.explanation.subscribers import FEWEST_TOLD, first_and_rest
from allive.payouts.shown_cents import euros, nearest_cents

Format = Literal["table", "csv", "json"]

_MOST_SHOWN: Final = 20
_PSEUDONYM_DIGITS: Final = 12
"""Shown of a pseudonym's 32; CSV and JSON have all."""
_FEW: Final = f"fewer than {FEWEST_TOLD} subscribers"
_WHY_CARRIED: Final = {
    CarryReason.NEGATIVE: "corrections are larger than earnings: future earnings make up for it",
    CarryReason.NO_IBAN: "no IBAN is known",
    CarryReason.HELD: "payments to the artist are on hold: see the hold's reason, then lift it",
    CarryReason.BAD_IBAN: "the IBAN is not valid: ask the artist for the right one",
    CarryReason.NOT_SEPA: "the IBAN is outside SEPA: ask for another account, or pay otherwise",
    CarryReason.RETURNED: "a payment to this IBAN was returned: ask for another IBAN, or confirm it",
    CarryReason.IBAN_UNDATED: "a record with this IBAN is undated, and there is another IBAN: confirm the right one",
    CarryReason.IBAN_CHANGED: f"the IBAN changed less than {IBAN_SETTLING_DAYS} days before the payment",
}


@dataclass(frozen=True)
class _Step:
    """One step from the slices to the payment: in cents, or in nanos before they are rounded.

    Attributes:
        shown_cents: The step in cents; for nanos, their part of what was earned (RULES.md §5.6).
    """

    name: str
    how: str
    shown_cents: int
    nanos: int | None = None
    subject: str = ""

    @property
    def cents(self) -> int | None:
        """The step's cents, which add up to the balance; None before the rounding."""
        return self.shown_cents if self.nanos is None else None


def explain_artist(
    settings: Settings, month: str, artist_id: str, *, form: Format, output: Path | None, full: bool = False
) -> bool:
    """Explain an artist's amount. Return whether the month is closed, has this artist, and adds up.

    CSV and JSON contain every subscriber's part, and `full` the slices of even a single one (RULES.md §11), so they
    are recorded in the audit log as an export.
    """
    try:
        explanation = explain(settings, month, artist_id, full=full)
    except Refusal as refusal:
        refuse("There is nothing to explain.", refusal.reasons)
        return False
    except ContradictionError as contradiction:
        refuse(f"The files of {month} disagree: `allive verify {month}` checks all of them.", contradiction.reasons)
        return False
    if full or form != "table":
        _record_export(settings, explanation, command=f"allive explain {month} {artist_id}{' --full' * full}")
    if form == "table":
        _show(explanation)
        return True
    with _opened(output) as file:
        if form == "csv":
            csv.writer(file, lineterminator="\n").writerows(_csv_rows(explanation))
        else:
            json.dump(asdict(explanation), file, ensure_ascii=False, indent=2)
            file.write("\n")
    if output is not None:
        say(f"How {artist_id} earned {euros(explanation.earned_cents)} in {month} is explained in {output}")
    return True


def _record_export(settings: Settings, explanation: Explanation, *, command: str) -> None:
    month = explanation.settlement_month
    with hold_data_home(settings, command=command):
        audit.record(
            settings,
            action="export",
            operator=audit.operator_name(settings),
            what=f"explanation of {month}",
            artist_id=explanation.artist_id,
            run_hash=ledger.read_manifest(settings, month).run_hash,
        )


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as file:
        yield file


def _show(explanation: Explanation) -> None:
    name, artist_id = explanation.artist_name, explanation.artist_id
    who = f"{name} ({artist_id})" if name else artist_id
    if explanation.subscribers:
        _show_subscribers(f"{who}: from subscribers' envelopes", explanation.subscribers)
    else:
        say(f"{who}: nothing from subscribers' envelopes.")
    if explanation.slices:
        _show_slices(f"{who}: slices", explanation.slices)
    table(
        f"{explanation.settlement_month}: to the cent",
        ("step", "how it is computed", "nanos", "amount"),
        [(step.name, step.how, step.nanos, Amount(step.shown_cents)) for step in _steps(explanation)],
    )


def _show_subscribers(title: str, parts: tuple[SubscriberPart, ...]) -> None:
    shown, rest = first_and_rest(parts, most=_MOST_SHOWN)
    lines: list[tuple[str | int | Amount | None, ...]] = [
        (
            part.subscriber_pseudonym[:_PSEUDONYM_DIGITS] if part.subscriber_pseudonym else _FEW,
            Amount(nearest_cents(part.envelope_nanos)) if part.envelope_nanos is not None else None,
            part.weight,
            part.total_weight,
            _percent(part.share_bp),
            Amount(part.amount_cents),
        )
        for part in shown
    ]
    if rest:
        others = sum(part.amount_cents for part in rest)
        lines.append((f"{len(rest):,} others", None, None, None, None, Amount(others)))
    total = sum(part.amount_cents for part in parts)
    table(
        title,
        ("subscriber", "envelope", "weight", "of all weights", "share", "amount"),
        lines,
        total=("total", None, None, None, None, Amount(total)),
    )
    if rest:
        say("To see all: --format csv or json.")


def _show_slices(title: str, slices: tuple[SlicePart, ...]) -> None:
    shown = sorted(slices, key=lambda one: (-one.amount_nanos, one.period_pseudonym, one.category))[:_MOST_SHOWN]
    lines: list[tuple[str | int | None, ...]] = [
        (one.period_pseudonym, one.subscriber_pseudonym, one.category, one.weight, one.amount_nanos, one.destination)
        for one in shown
    ]
    table(title, ("period", "subscriber", "category", "weight", "nanos", "to"), lines)
    if len(slices) > len(shown):
        say(f"The largest {len(shown):,} of {len(slices):,}. To see all: --format csv or json.")


def _csv_rows(explanation: Explanation) -> Iterator[tuple[object, ...]]:
    """The rows of the subscribers, followed by those of the slices, if they were asked for, and of the steps."""
    yield (
        *("step", "subject", "periods", "envelope_nanos", "weight", "total_weight", "share_percent", "nanos", "cents"),
        *("shown_cents", "how"),
    )
    for part in explanation.subscribers:
        yield (
            "subscriber",
            part.subscriber_pseudonym or _FEW,
            part.periods,
            part.envelope_nanos,
            part.weight,
            part.total_weight,
            _percent(part.share_bp, unit=""),
            part.amount_nanos,
            None,
            part.amount_cents,
            None,
        )
    for one in explanation.slices:
        yield (
            "slice",
            one.period_pseudonym,
            None,
            one.envelope_nanos,
            one.weight,
            one.total_weight,
            None,
            one.amount_nanos,
            None,
            f"subscriber {one.subscriber_pseudonym}, {one.category}, {one.destination}",
        )
    for step in _steps(explanation):
        yield (step.name, step.subject, *[None] * 5, step.nanos, step.cents, step.shown_cents, step.how)


def _steps(explanation: Explanation) -> Iterable[_Step]:
    yield _Step("direct", _direct(explanation), explanation.direct_cents, explanation.direct_nanos)
    yield _Step("share of the pool", _pool(explanation), explanation.pool_cents, explanation.pool_nanos)
    yield _Step("earned", "direct + share of the pool", explanation.earned_cents, explanation.earned_nanos)
    yield _Step("earned, in cents", _rounded(explanation.rounding), explanation.earned_cents)
    for one in explanation.adjustments:
        how = (
            f"{one.corrects_month} settled again with late records{', with its catalogue amended' * one.is_amended}: "
            f"{euros(one.recomputed_cents)}, booked so far {euros(one.booked_cents)}"
        )
        yield _Step(f"adjustment of {one.corrects_month}", how, one.adjustment_cents, subject=one.corrects_month)
    yield _Step("carried from before", "carried forward by the run before", explanation.opening_cents)
    for entry in explanation.balance_entries:
        month = entry.settlement_month or ""
        name, how = _ENTRIES[entry.kind]
        yield _Step(name.format(month=month), how, entry.cents, subject=month)
    yield _Step("balance", "earned + adjustments + brought forward", explanation.payable_cents)
    yield _Step("paid", _paid(explanation), explanation.paid_cents)
    yield _Step("carried forward", _carried(explanation), explanation.carried_forward_cents)


_ENTRIES: Final = {
    "payment_returned": ("payment of {month} returned", "the bank sent the transfer back"),
    "returned": ("payment of {month} returned", "the bank sent the transfer back"),
    "given_back": ("payment of {month} cancelled", "it never left the account"),
    "settled": ("paid otherwise", "by cheque, or from another bank"),
    "write_off": ("write-off", "a negative balance was written off"),
}
"""A balance entry by its kind: its name, and what it means."""


def _direct(explanation: Explanation) -> str:
    if explanation.subscribers:
        count = explanation.paying_subscribers
        who = counted(count, "subscriber") if count is not None else _FEW
        lives = counted(explanation.lives, "live")
        return f"sum of the slices of {who}, equal to the sum over {lives}{_watched_as_known(explanation)}"
    if explanation.to_pool:
        return f"none: a known artist's slices go to the pool{_watched_as_known(explanation)}"
    return "none: no subscriber with an envelope watched a live of theirs that counts"


def _watched_as_known(explanation: Explanation) -> str:
    to_pool = explanation.to_pool
    if to_pool is None:
        return ""
    if to_pool.subscribers is None:
        return f"; {_FEW} watched them while they were a known artist; that amount went to the pool"
    return (
        f"; {to_pool.subscribers:,} subscribers watched them while they were a known artist, and "
        f"{euros(nearest_cents(to_pool.amount_nanos or 0))} of it went to the pool"
    )


def _pool(explanation: Explanation) -> str:
    pool, share = explanation.pool, explanation.pool.share
    if not pool.is_member:
        if explanation.category == "known":
            return "none: known artists have no share of the pool"
        return (
            "none: not a member; members are emerging or independent, have not left, and are credited with at least "
            f"{_percent(explanation.minimum_pool_share_bp)} of a live that counts and is online"
        )
    if share is None:
        return f"none: the pool of the {pool.members:,} members is empty"
    if pool.is_in_equal_parts:
        how = f"{share.units:,} nanos in equal parts for {share.claimants:,} members are {share.floor:,} each"
        ranking = "by id"
    else:
        how = (
            f"{share.units:,} nanos for {share.claimants:,} members in proportion to their direct amounts, "
            f"{share.claim:,} of {share.all_claims:,}, are {share.floor:,}"
        )
        ranking = "by remainder"
    return f"{how}; {_left_over(share, 'nano', ranking)}"


def _rounded(rounding: Part | None) -> str:
    if rounding is None:
        return "nothing was earned"
    cents = counted(rounding.floor, "whole cent")
    return f"{cents}; {_left_over(rounding, 'cent', 'by amount cut off')}"


def _left_over(part: Part, unit: str, ranking: str) -> str:
    if not part.left_over:
        return f"no {unit} is left over"
    outcome = "one of them here" if part.has_one_more else "none here"
    return (
        f"{counted(part.left_over, unit)} left over, one each to the first {ranking}: "
        f"place {part.place:,} of {part.claimants:,}, {outcome}"
    )


def _paid(explanation: Explanation) -> str:
    if not explanation.paid_cents:
        return "nothing is due" if not explanation.carried_forward_cents else "nothing this month"
    how = f"on {explanation.payment_date}, as {explanation.statement_number}"
    if explanation.paid_cents >= explanation.minimum_payout_cents:
        return how
    why = "December pays everyone" if explanation.settlement_month.endswith("-12") else "the artist has left"
    return f"{how}; below the minimum of {euros(explanation.minimum_payout_cents)}, but {why}"


def _carried(explanation: Explanation) -> str:
    reason = explanation.carry_reason
    if reason is None:
        return "nothing is left"
    if reason == CarryReason.BELOW_MINIMUM:
        return f"below the minimum of {euros(explanation.minimum_payout_cents)}"
    return _WHY_CARRIED[CarryReason(reason)]


def _percent(share_bp: int | None, *, unit: str = " %") -> str | None:
    return None if share_bp is None else f"{Decimal(share_bp) / 100:.2f}{unit}"
