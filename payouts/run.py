"""A payout run: the lines and control totals of one closed (or dry-run) month. Pure: from a settlement and balances."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from payouts import months
from payouts.balances import Payee, settle_balance
from payouts.settlement import ArtistMonth, Settlement

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
class ClosedRun:
    """One month's run. `path` and `run_hash` are None in a dry run, which writes nothing."""

    settlement_month: str
    lines: tuple[PayoutLine, ...]
    control: dict[str, Any]
    run_hash: str | None = None
    path: Path | None = None


class UnbalancedRunError(RuntimeError):
    """The totals of a run do not agree: a defect of the program, never of the data. Nothing was written."""


def compute_run(settlement: Settlement, *, brought_forward: dict[str, int]) -> ClosedRun:
    """Turn a settled month and the balances before it into what is paid and what is carried.

    There is a line for every pool member and every artist with an amount or a balance.

    Raises:
        UnbalancedRunError: direct + pool shares ≠ envelopes, or paid + carried ≠ earned + brought forward.
    """
    earned = {artist.artist_id: artist for artist in settlement.artists}
    lines = tuple(
        _line(
            settlement,
            earned.get(artist_id) or _earned_nothing(artist_id),
            brought_forward_cents=brought_forward.get(artist_id, 0),
        )
        for artist_id in sorted(earned.keys() | brought_forward.keys(), key=str.encode)
        if _has_line(earned.get(artist_id), brought_forward.get(artist_id, 0))
    )
    run = ClosedRun(
        settlement_month=settlement.settlement_month,
        lines=lines,
        control=_control(settlement, lines),
    )
    _check_balance(run)
    return run


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


def _has_line(artist: ArtistMonth | None, brought_forward_cents: int) -> bool:
    if brought_forward_cents:
        return True
    return artist is not None and (artist.is_pool_member or artist.earned_nanos > 0)


def _line(settlement: Settlement, artist: ArtistMonth, *, brought_forward_cents: int) -> PayoutLine:
    payee = settlement.payees.get(artist.artist_id) or Payee(artist.artist_id)
    balance = settle_balance(
        brought_forward_cents + artist.earned_cents,
        payee=payee,
        month=settlement.settlement_month,
        minimum_cents=settlement.policy["minimum_payout_cents"],
        delay_days=settlement.policy["payment_delay_days"],
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
        adjustment_cents=0,
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


def _check_balance(run: ClosedRun) -> None:
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
    )
    broken = [f"{name}: {left} ≠ {right}" for name, left, right in equations if left != right]
    if broken:
        raise UnbalancedRunError(
            f"{run.settlement_month} does not balance ({'; '.join(broken)}). Nothing was written; "
            "rebuild the warehouse with `allive run`, and report this if it stays."
        )


def as_row(line: PayoutLine) -> dict[str, Any]:
    """Return the line as a row of `artist_payouts.csv`."""
    return asdict(line)
