"""Compares a month as settled now with the same month under another policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import duckdb

from allive.ingestion.settings import Settings
from allive.payouts import ledger, preconditions, requests
from allive.payouts.errors import Refusal
from allive.payouts.payments.balance_entries import open_balances
from allive.payouts.run import ClosedRun, compute_run
from allive.payouts.settlement import Settlement, read_settlement
from allive.payouts.simulation.scenario import Scenario
from allive.payouts.simulation.settling import read_frame, settle_under
from allive.payouts.warehouse_file import open_warehouse


@dataclass(frozen=True)
class ArtistDifference:
    """One artist's month now and simulated, in cents; `booked_cents` is for closed months, with later adjustments."""

    artist_id: str
    artist_name: str | None
    category: str | None
    booked_cents: int | None
    earned_now_cents: int
    earned_simulated_cents: int
    paid_now_cents: int
    paid_simulated_cents: int

    @property
    def difference_cents(self) -> int:
        """The change that the other policy would have made to the earnings."""
        return self.earned_simulated_cents - self.earned_now_cents


@dataclass(frozen=True)
class Simulation:
    """The month settled twice on today's data; if it can still be corrected, with the catalogue it keeps.

    Attributes:
        now: As a dry run under the month's own policy.
        simulated: The same under the other policy.
        with_balances: Whether both include balances brought forward and adjustments, as only the next run does.
        own_envelopes: Number of periods whose envelope differs from the one the month's policy gives; they keep it.
        doubts: Reasons why the month cannot close now, and data left out of the simulation.
    """

    settlement_month: str
    now: ClosedRun
    simulated: ClosedRun
    artists: tuple[ArtistDifference, ...]
    is_closed: bool
    with_balances: bool
    own_envelopes: int
    doubts: tuple[str, ...]


def simulate(settings: Settings, month: str, scenario: Scenario) -> Simulation:
    """Settle and pay a month under another policy, without writing anything.

    Raises:
        Refusal: The warehouse is not fully built or has no data for the month, or the pool has no members.
    """
    if not settings.warehouse_path.exists():
        raise Refusal(
            month, ("There is no warehouse yet: put files into landing/ and run `allive run`.",), "be simulated"
        )
    with open_warehouse(settings) as con:
        reasons = preconditions.warehouse_refusals(settings, con)
        if reasons:
            raise Refusal(month, tuple(reasons), "be simulated")
        settlement = read_settlement(con, month)
        if settlement is None:
            raise Refusal(month, (preconditions.unknown_month_refusal(con),), "be simulated")
        frame = read_frame(con, month)
        other = settle_under(
            con, settlement, frame, scenario.applied_to(settlement.policy), is_pro_rata=scenario.is_pro_rata
        )
        booked = _booked_cents(con, month) if frame.is_closed else None
    _refuse_without_members(settlement, under="its own policy")
    _refuse_without_members(other.settlement, under="the other policy")
    with_balances = ledger.next_month(settings) in {None, month}
    now = _pay(settings, settlement, with_balances=with_balances)
    simulated = _pay(settings, other.settlement, with_balances=with_balances)
    return Simulation(
        settlement_month=month,
        now=now,
        simulated=simulated,
        artists=tuple(_differences(now, simulated, booked)),
        is_closed=frame.is_closed,
        with_balances=with_balances,
        own_envelopes=other.own_envelopes,
        doubts=(
            *(requests.amendment_refusals(settings) if with_balances else ()),
            *preconditions.blocker_refusals(month, settlement.blockers),
            *(
                f"live {live_id} would count, but its credits or a category of its artists are invalid: it is left out."
                for live_id in (other.lives_left_out if scenario.minimum_live_s is not None else ())
            ),
        ),
    )


def _refuse_without_members(settlement: Settlement, *, under: str) -> None:
    if settlement.totals["envelope_nanos"] and not settlement.pool_members:
        reason = (
            f"Under {under} the pool has no member: no emerging or independent artist is credited with at least "
            f"{settlement.policy['minimum_pool_share_bp']:,} bp of a live that counts, which is "
            f"{settlement.policy['minimum_live_s']:,} s or longer. Such a month cannot close."
        )
        raise Refusal(settlement.settlement_month, (reason,), "be simulated")


def _pay(settings: Settings, settlement: Settlement, *, with_balances: bool) -> ClosedRun:
    if with_balances:
        asked = requests.requests_of_next_run(settings)
        return compute_run(settlement, brought_forward=open_balances(settings), requests=asked)
    return compute_run(replace(settlement, look_back=()), brought_forward={})


def _booked_cents(con: duckdb.DuckDBPyConnection, month: str) -> dict[str, int]:
    rows = con.execute(
        """
        select artist_id, coalesce(booked_earned_cents, 0) + adjustment_cents
        from marts.fct_artist_months where settlement_month = ?
        """,
        [month],
    ).fetchall()
    return dict(rows)


def _differences(now: ClosedRun, simulated: ClosedRun, booked: Mapping[str, int] | None) -> Iterator[ArtistDifference]:
    lines_now = {line.artist_id: line for line in now.lines}
    lines_then = {line.artist_id: line for line in simulated.lines}
    concerned = {*lines_now, *lines_then, *(artist_id for artist_id, cents in (booked or {}).items() if cents)}
    for artist_id in sorted(concerned):
        before, after = lines_now.get(artist_id), lines_then.get(artist_id)
        either = before or after
        yield ArtistDifference(
            artist_id=artist_id,
            artist_name=either.artist_name if either else None,
            category=either.category if either else None,
            booked_cents=None if booked is None else booked.get(artist_id, 0),
            earned_now_cents=before.earned_cents if before else 0,
            earned_simulated_cents=after.earned_cents if after else 0,
            paid_now_cents=before.paid_cents if before else 0,
            paid_simulated_cents=after.paid_cents if after else 0,
        )
