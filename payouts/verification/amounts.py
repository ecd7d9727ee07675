"""Computes a closed month's earnings again from its slices (RULES.md §5): control totals, rows, lives."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from allive.payouts.closed_month.books import Month
from allive.payouts.closed_month.findings import Check, Place, Report
from allive.payouts.closed_month.month_files import Control, LiveRow, PayoutRow, Settled, read_rows
from allive.payouts.closed_month.slices import Earnings, Sums, check_slices, earnings
from allive.payouts.ledger import CONTROL_FILE, LIVES_FILE, PAYOUTS_FILE, SLICES_FILE
from allive.payouts.months import following
from allive.payouts.user_centric import NANOS_PER_CENT

_WEIGHT_PER_MS: Final = 10_000
_SUMMED: Final = (
    "earned_nanos",
    "earned_cents",
    "adjustment_cents",
    "brought_forward_cents",
    "paid_cents",
    "carried_forward_cents",
)


def check_amounts(report: Report, month: Month) -> None:
    """Compare a month's totals, rows and lives with its slices and with one another."""
    control, rows = month.control, month.rows
    at_control = report.at(Check.AMOUNTS, month.file(CONTROL_FILE))
    at_rows = report.at(Check.AMOUNTS, month.file(PAYOUTS_FILE))
    _check_control(at_control, month.name, control)
    _check_order(at_rows, month.name, [row.settlement_month for row in rows], [row.artist_id for row in rows])
    for name, total in {
        **{name: sum(getattr(row, name) for row in rows) for name in _SUMMED},
        "paid_artists": sum(row.paid_cents > 0 for row in rows),
    }.items():
        at_rows.same(f"sum of {name}", found=total, expected=getattr(control, name))
    sums = check_slices(report.at(Check.PERIODS, month.file(SLICES_FILE)), month.folder / SLICES_FILE)
    if sums is not None:
        check_sums(at_control, control, sums)
        _check_earnings(at_rows, control, rows, sums)
    at_lives = report.at(Check.AMOUNTS, month.file(LIVES_FILE))
    with at_lives.reading():
        lives = read_rows(month.folder / LIVES_FILE, LiveRow)
        _check_order(
            at_lives,
            month.name,
            [one.settlement_month for one in lives],
            [(one.artist_id, one.live_id) for one in lives],
        )
        _check_lives(at_lives, rows, lives)


def check_sums(place: Place, settled: Settled, sums: Sums, *, of: str = "") -> None:
    """Compare the totals of a settled month with its slices."""
    for name, expected in {
        "periods": sums.periods,
        "idle_periods": sums.idle_periods,
        "envelope_nanos": sums.envelope_nanos,
        "direct_nanos": sums.direct.total(),
        "pool_nanos": sums.pool_nanos,
    }.items():
        place.same(of + name, found=getattr(settled, name), expected=expected)


def _check_control(place: Place, month: str, control: Control) -> None:
    third = date.fromisoformat(f"{following(month)}-03")
    paid_on = (third + timedelta(days=control.policy.payment_delay_days)).isoformat()
    place.same("settlement_month", found=control.settlement_month, expected=month)
    place.same("payment_date", found=control.payment_date, expected=paid_on)
    place.same("earned_nanos", found=control.earned_nanos, expected=control.envelope_nanos)
    place.same("envelope_cents", found=control.envelope_cents * NANOS_PER_CENT, expected=control.envelope_nanos)
    place.same(
        "paid + carried = earned + adjustments + brought forward",
        found=control.paid_cents + control.carried_forward_cents,
        expected=control.earned_cents + control.adjustment_cents + control.brought_forward_cents,
    )
    again: Mapping[str, Settled] = {f"adjustments of {name}, ": one for name, one in control.adjustments.items()}
    for of, settled in {"": control, **again}.items():
        shared = settled.direct_nanos + settled.pool_nanos
        place.same(f"{of}direct + pool", found=shared, expected=settled.envelope_nanos)
        place.same(f"{of}earned_cents", found=settled.earned_cents * NANOS_PER_CENT, expected=settled.envelope_nanos)
        members = list(settled.pool_members)
        place.same(f"{of}pool_members in order, once", found=members, expected=sorted({*members}))


def _check_order(place: Place, month: str, months: Iterable[str], keys: list[str] | list[tuple[str, str]]) -> None:
    place.same("settlement_month of all rows", found=sorted({*months} | {month}), expected=[month])
    place.same("rows in order, each once", found=keys, expected=sorted({*keys}))


def _check_earnings(place: Place, control: Control, rows: list[PayoutRow], sums: Sums) -> None:
    earned = earnings(sums, control.pool_members, rule=control.policy.pool_rule)
    entitled = {*control.pool_members, *(artist for artist, nanos in earned.earned_nanos.items() if nanos)}
    for artist in sorted(entitled - {row.artist_id for row in rows}):
        place.same(f"artist {artist!r}", found=None, expected="a row")
    for row in rows:
        for name, expected in _figures(row.artist_id, sums, earned).items():
            place.same(f"artist {row.artist_id!r}, {name}", found=getattr(row, name), expected=expected)


def _figures(artist: str, sums: Sums, earned: Earnings) -> dict[str, int]:
    return {
        "watch_ms": sums.weight[artist] // _WEIGHT_PER_MS,
        "paying_subscribers": len(sums.payers.get(artist, ())),
        "direct_nanos": sums.direct[artist],
        "pool_nanos": earned.pool_nanos.get(artist, 0),
        "earned_nanos": earned.earned_nanos.get(artist, 0),
        "earned_cents": earned.earned_cents.get(artist, 0),
    }


def _check_lives(place: Place, rows: list[PayoutRow], lives: list[LiveRow]) -> None:
    """Check that each artist's lives sum to the artist's row; only the heartbeats show how much each live earned."""
    by_artist: defaultdict[str, list[LiveRow]] = defaultdict(list)
    for live in lives:
        by_artist[live.artist_id].append(live)
    for artist in sorted(by_artist.keys() - {row.artist_id for row in rows}):
        place.same(f"artist {artist!r}", found="lives", expected=f"none, without a row in {PAYOUTS_FILE}")
    for row in rows:
        of_artist = by_artist[row.artist_id]
        direct_nanos = sum(live.direct_nanos for live in of_artist)
        place.same(f"artist {row.artist_id!r}, direct_nanos", found=direct_nanos, expected=row.direct_nanos)
        # Each live's time is floored: together they lose less than 1 ms per live.
        watch_ms = sum(live.watch_ms for live in of_artist)
        place.holds(
            f"artist {row.artist_id!r}, watch_ms",
            0 <= row.watch_ms - watch_ms < max(len(of_artist), 1),
            found=watch_ms,
            expected=f"{row.watch_ms} but for less than 1 ms per live",
        )
        for live in of_artist:
            place.holds(
                f"artist {row.artist_id!r}, live {live.live_id!r}",
                min(live[4:]) >= 0
                and live.paying_subscribers <= row.paying_subscribers
                and (live.direct_nanos > 0) == (live.paying_subscribers > 0),
                found=f"{live.watch_ms} ms, {live.paying_subscribers} subscribers, {live.direct_nanos} nanos",
                expected="subscribers where there is money, and no more than the artist has",
            )
