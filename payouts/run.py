"""A payout run: the lines, adjustments and control totals of one closed (or dry-run) month.

Pure: computed from a settlement, balances and the requests for the run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from allive.ingestion.withholdings import Withholding
from allive.payouts import months
from allive.payouts.balances import Payee, settle_balance
from allive.payouts.chained_log import NO_LINE
from allive.payouts.payments.balance_entries import BalanceEntry
from allive.payouts.settlement import ArtistMonth, Settlement
from allive.payouts.standing import Standing
from allive.payouts.withholdings import in_force

NANOS_PER_CENT: Final = 10_000_000


@dataclass(frozen=True)
class PayoutLine:
    """One line of `artist_payouts.csv`, in its column order (INTERFACES.md, "A closed month")."""

    settlement_month: str
    artist_id: str
    artist_name: str | None
    category: str | None
    watch_ms: int
    paying_subscribers: int
    direct_nanos: int
    pool_nanos: int
    earned_nanos: int
    earned_cents: int
    adjustment_cents: int
    brought_forward_cents: int
    paid_cents: int
    carried_forward_cents: int
    carry_reason: str | None


@dataclass(frozen=True)
class Adjustment:
    """One line of `adjustments.csv`, in its column order: one correction of an earlier month, never 0."""

    settlement_month: str
    corrects_month: str
    artist_id: str
    booked_cents: int
    recomputed_cents: int
    adjustment_cents: int


@dataclass(frozen=True)
class ClosedRun:
    """One month's run. `path` and `run_hash` are None in a dry run, which writes nothing.

    Attributes:
        resettled: The months of the look-back for which the run books something.
        payees: The payees of the lines' transfers, by artist.
        withholdings: In force on the payment date.
    """

    settlement_month: str
    lines: tuple[PayoutLine, ...]
    adjustments: tuple[Adjustment, ...]
    resettled: tuple[str, ...]
    control: dict[str, Any]
    payees: dict[str, Payee] = field(repr=False)
    withholdings: tuple[Withholding, ...] = ()
    run_hash: str | None = None
    path: Path | None = None


class UnbalancedRunError(RuntimeError):
    """The totals of a run do not agree: the warehouse was changed, or the program is wrong. Never caused by data."""


@dataclass(frozen=True)
class Requests:
    """The requests for the run (`allive.payouts.requests`).

    Attributes:
        amendments: Ids of the audit lines that ask for an amendment, by the month they amend.
        balance_entries: Money back from payments, payments made otherwise, and write-offs.
        payments_head: The last line of the register of payments that the run knows of.
        standings: Holds and doubtful IBANs by artist, from that register; artists whom nothing concerns are missing.
    """

    amendments: Mapping[str, list[str]] = field(default_factory=dict)
    balance_entries: tuple[BalanceEntry, ...] = ()
    payments_head: str = NO_LINE
    standings: Mapping[str, Standing] = field(default_factory=dict)


def compute_run(
    settlement: Settlement,
    *,
    brought_forward: Mapping[str, int],
    requests: Requests | None = None,
    withholdings: Sequence[Withholding] = (),
) -> ClosedRun:
    """Compute the payments and carried balances of a settled month.

    There is a line for every pool member and every artist with an amount or a balance.

    Args:
        settlement: The month, with its look-back settled again.
        brought_forward: Cents by artist, `requests.balance_entries` included.
        requests: The requests for this run; none by default.
        withholdings: The setting; those in force on the payment date are kept in the run.

    Raises:
        UnbalancedRunError: Shares ≠ envelopes, or paid + carried ≠ earned + adjustments + brought forward.
    """
    requests = requests or Requests()
    month = settlement.settlement_month
    adjustments = tuple(_adjustments(settlement))
    adjusted: defaultdict[str, int] = defaultdict(int)
    for adjustment in adjustments:
        adjusted[adjustment.artist_id] += adjustment.adjustment_cents
    earned = {artist.artist_id: artist for artist in settlement.artists}
    concerned = {
        *(artist.artist_id for artist in settlement.artists if artist.is_pool_member or artist.earned_nanos > 0),
        *adjusted,
        *(artist_id for artist_id, cents in brought_forward.items() if cents),
        *(entry.artist_id for entry in requests.balance_entries),
    }
    lines = tuple(
        _line(
            settlement,
            earned.get(artist_id) or _earned_nothing(artist_id),
            adjustment_cents=adjusted[artist_id],
            brought_forward_cents=brought_forward.get(artist_id, 0),
            standing=requests.standings.get(artist_id, Standing()),
        )
        for artist_id in sorted(concerned, key=str.encode)
    )
    control = _control(settlement, lines) | _corrections(settlement, adjustments, requests)
    withholding = in_force(withholdings, date.fromisoformat(control["payment_date"]))
    if withholding:
        # The month keeps them: it is verified without the settings of that day.
        control["withholdings"] = [one.model_dump(mode="json", exclude_none=True) for one in withholding]
    run = ClosedRun(
        settlement_month=month,
        lines=lines,
        adjustments=adjustments,
        resettled=tuple(again.settlement_month for again in settlement.look_back if again.is_changed),
        control=control,
        payees=settlement.payees,
        withholdings=withholding,
    )
    _check_balance(run, settlement)
    return run


def _adjustments(settlement: Settlement) -> Iterable[Adjustment]:
    for again in settlement.look_back:
        for artist in sorted(again.artists, key=lambda artist: artist.artist_id.encode()):
            if artist.recomputed_cents != artist.booked_cents:
                yield Adjustment(
                    settlement_month=settlement.settlement_month,
                    corrects_month=again.settlement_month,
                    artist_id=artist.artist_id,
                    booked_cents=artist.booked_cents,
                    recomputed_cents=artist.recomputed_cents,
                    adjustment_cents=artist.recomputed_cents - artist.booked_cents,
                )


def _earned_nothing(artist_id: str) -> ArtistMonth:
    return ArtistMonth(
        artist_id=artist_id,
        category=None,
        is_pool_member=False,
        watch_ms=0,
        paying_subscribers=0,
        direct_nanos=0,
        pool_nanos=0,
        earned_nanos=0,
        earned_cents=0,
    )


def _line(
    settlement: Settlement,
    artist: ArtistMonth,
    *,
    adjustment_cents: int,
    brought_forward_cents: int,
    standing: Standing,
) -> PayoutLine:
    payee = settlement.payees.get(artist.artist_id) or Payee(artist.artist_id)
    balance = settle_balance(
        brought_forward_cents + artist.earned_cents + adjustment_cents,
        payee=payee,
        month=settlement.settlement_month,
        minimum_cents=settlement.policy["minimum_payout_cents"],
        delay_days=settlement.policy["payment_delay_days"],
        standing=standing,
    )
    return PayoutLine(
        settlement_month=settlement.settlement_month,
        artist_id=artist.artist_id,
        artist_name=payee.name,
        category=artist.category,
        watch_ms=artist.watch_ms,
        paying_subscribers=artist.paying_subscribers,
        direct_nanos=artist.direct_nanos,
        pool_nanos=artist.pool_nanos,
        earned_nanos=artist.earned_nanos,
        earned_cents=artist.earned_cents,
        adjustment_cents=adjustment_cents,
        brought_forward_cents=brought_forward_cents,
        paid_cents=balance.paid_cents,
        carried_forward_cents=balance.carried_forward_cents,
        carry_reason=balance.carry_reason,
    )


def _control(settlement: Settlement, lines: tuple[PayoutLine, ...]) -> dict[str, Any]:
    totals = settlement.totals
    return {
        "settlement_month": settlement.settlement_month,
        "periods": totals["periods"],
        "idle_periods": totals["idle_periods"],
        "envelope_nanos": totals["envelope_nanos"],
        "envelope_cents": totals["envelope_nanos"] // NANOS_PER_CENT,
        "direct_nanos": totals["direct_nanos"],
        "pool_nanos": totals["pool_nanos"],
        "pool_members": list(settlement.pool_members),
        "earned_nanos": sum(line.earned_nanos for line in lines),
        "earned_cents": sum(line.earned_cents for line in lines),
        "adjustment_cents": sum(line.adjustment_cents for line in lines),
        "brought_forward_cents": sum(line.brought_forward_cents for line in lines),
        "paid_cents": sum(line.paid_cents for line in lines),
        "paid_artists": sum(line.paid_cents > 0 for line in lines),
        "carried_forward_cents": sum(line.carried_forward_cents for line in lines),
        "open_periods": totals["open_periods"],
        "open_envelope_nanos": totals["open_envelope_nanos"],
        "open_envelope_cents": totals["open_envelope_nanos"] // NANOS_PER_CENT,
        "payment_date": months.payment_date(
            settlement.settlement_month, delay_days=settlement.policy["payment_delay_days"]
        ).isoformat(),
        "policy": settlement.policy,
        "raw_versions": settlement.raw_versions,
    }


def _corrections(settlement: Settlement, adjustments: tuple[Adjustment, ...], requests: Requests) -> dict[str, Any]:
    return {
        "adjustments": {
            again.settlement_month: {
                "catalogue": again.catalogue or settlement.settlement_month,
                "periods": again.totals["periods"],
                "idle_periods": again.totals["idle_periods"],
                "envelope_nanos": again.totals["envelope_nanos"],
                "direct_nanos": again.totals["direct_nanos"],
                "pool_nanos": again.totals["pool_nanos"],
                "pool_members": list(again.pool_members),
                "earned_cents": sum(artist.recomputed_cents for artist in again.artists),
                "adjustment_cents": sum(
                    adjustment.adjustment_cents
                    for adjustment in adjustments
                    if adjustment.corrects_month == again.settlement_month
                ),
                "policy": again.policy,
            }
            for again in settlement.look_back
        },
        # Only amendments that this run applied: one that it does not reach is not used up.
        "amendments": sorted(
            entry for again in settlement.look_back for entry in requests.amendments.get(again.settlement_month, ())
        ),
        "balance_entries": [asdict(entry) for entry in requests.balance_entries],
        "payments_head": requests.payments_head,
    }


def _check_balance(run: ClosedRun, settlement: Settlement) -> None:
    control = run.control
    distributed = sum(line.direct_nanos + line.pool_nanos for line in run.lines)
    equations = (
        ("direct + pool shares = envelopes, in nanos", distributed, control["envelope_nanos"]),
        ("earned cents = envelope cents", control["earned_cents"], control["envelope_cents"]),
        (
            "paid + carried = earned + adjustments + brought forward, in cents",
            control["paid_cents"] + control["carried_forward_cents"],
            control["earned_cents"] + control["adjustment_cents"] + control["brought_forward_cents"],
        ),
        *(
            (
                f"cents of {again.settlement_month} settled again = its envelope cents",
                sum(artist.recomputed_cents for artist in again.artists),
                again.totals["envelope_nanos"] // NANOS_PER_CENT,
            )
            for again in settlement.look_back
        ),
    )
    broken = [f"{name}: {left} ≠ {right}" for name, left, right in equations if left != right]
    if broken:
        raise UnbalancedRunError(f"{run.settlement_month} does not balance ({'; '.join(broken)}).")
