"""How a run handles corrections and requests (RULES.md §6), on figures calculated by hand."""

from datetime import date
from typing import Any

import pytest

from allive.payouts.balances import Payee
from allive.payouts.payments.balance_entries import BalanceEntry
from allive.payouts.run import ClosedRun, Requests, UnbalancedRunError, compute_run
from allive.payouts.settlement import ArtistCorrection, ArtistMonth, Resettlement, Settlement

POLICY = {"minimum_payout_cents": 1000, "payment_delay_days": 7}
IBAN = "FR1420041010050500013M02606"


def totals(*, envelope_cents: int, unbooked_periods: int = 0) -> dict[str, int]:
    return {
        "periods": envelope_cents // 100,
        "idle_periods": 0,
        "envelope_nanos": envelope_cents * 10_000_000,
        "direct_nanos": envelope_cents * 10_000_000,
        "pool_nanos": 0,
        "unbooked_periods": unbooked_periods,
        "open_periods": 0,
        "open_envelope_nanos": 0,
    }


def again(
    month: str, corrections: dict[str, tuple[int, int]], *, catalogue: str | None = "", unbooked_periods: int = 0
) -> Resettlement:
    """A month of the look-back: cents booked so far and recomputed, by artist."""
    return Resettlement(
        settlement_month=month,
        catalogue=month if catalogue == "" else catalogue,
        totals=totals(
            envelope_cents=sum(recomputed for _, recomputed in corrections.values()), unbooked_periods=unbooked_periods
        ),
        policy=POLICY,
        pool_members=(),
        artists=tuple(ArtistCorrection(artist, *cents) for artist, cents in corrections.items()),
    )


def run_of(
    earned: dict[str, int], *look_back: Resettlement, brought_forward: dict[str, int] | None = None, **requests: Any
) -> ClosedRun:
    settlement = Settlement(
        settlement_month="2021-04",
        totals=totals(envelope_cents=sum(earned.values())),
        policy=POLICY,
        pool_members=(),
        artists=tuple(
            ArtistMonth(artist, "emerging", False, 0, 0, cents * 10_000_000, 0, cents * 10_000_000, cents)
            for artist, cents in earned.items()
        ),
        payees={artist: Payee(artist, artist.upper(), iban=IBAN, left_on=date(2020, 1, 1)) for artist in earned},
        blockers=(),
        raw_versions={},
        look_back=look_back,
    )
    return compute_run(settlement, brought_forward=brought_forward or {}, requests=Requests(**requests))


def test_each_difference_is_a_line_and_is_paid_with_the_month() -> None:
    run = run_of(
        {"a": 500, "b": 100},
        again("2021-02", {"a": (300, 310), "b": (100, 90), "even": (50, 50)}),
        again("2021-03", {"a": (200, 195), "new": (0, 5)}),
    )
    assert [(line.corrects_month, line.artist_id, line.adjustment_cents) for line in run.adjustments] == [
        ("2021-02", "a", 10),
        ("2021-02", "b", -10),
        ("2021-03", "a", -5),
        ("2021-03", "new", 5),
    ]
    assert {
        line.artist_id: (line.adjustment_cents, line.paid_cents, line.carried_forward_cents) for line in run.lines
    } == {
        "a": (5, 505, 0),
        "b": (-10, 90, 0),
        "new": (5, 0, 5),
    }
    assert run.control["adjustment_cents"] == 0
    assert {month: entry["adjustment_cents"] for month, entry in run.control["adjustments"].items()} == {
        "2021-02": 0,
        "2021-03": 0,
    }


def test_only_months_that_book_something_are_written_again() -> None:
    unchanged = again("2021-01", {"a": (300, 300)})
    moved_within_a_cent = again("2021-02", {"a": (300, 300)}, unbooked_periods=1)
    corrected = again("2021-03", {"a": (300, 400)})
    assert run_of({"a": 100}, unchanged, moved_within_a_cent, corrected).resettled == ("2021-02", "2021-03")


def test_an_amended_month_keeps_the_catalogue_of_the_run() -> None:
    run = run_of(
        {"a": 100},
        again("2021-02", {"a": (1, 1)}, catalogue=None),
        again("2021-03", {"a": (1, 1)}),
        amendments={"2021-02": ["entry-2", "entry-1"]},
    )
    assert {month: entry["catalogue"] for month, entry in run.control["adjustments"].items()} == {
        "2021-02": "2021-04",
        "2021-03": "2021-03",
    }
    assert run.control["amendments"] == ["entry-1", "entry-2"]


def test_what_was_asked_of_the_run_is_named_and_has_a_line() -> None:
    entry = BalanceEntry("entry-1", "write_off", "debtor", 30, None)
    run = run_of({"a": 100}, brought_forward={"debtor": 0}, balance_entries=(entry,))
    assert [line.artist_id for line in run.lines] == ["a", "debtor"]
    assert run.control["balance_entries"] == [
        {"entry": "entry-1", "kind": "write_off", "artist_id": "debtor", "cents": 30, "settlement_month": None}
    ]


def test_a_month_settled_again_that_lost_a_cent_is_a_defect() -> None:
    broken = again("2021-03", {"a": (100, 100)})
    broken.totals["envelope_nanos"] += 10_000_000
    with pytest.raises(UnbalancedRunError, match=r"2021-03 settled again"):
        run_of({"a": 100}, broken)


def test_only_the_amendments_of_months_that_it_settled_again_are_used_up() -> None:
    run = run_of(
        {"a": 100}, again("2021-03", {"a": (1, 1)}, catalogue=None), amendments={"2021-01": ["1"], "2021-03": ["2"]}
    )
    assert run.control["amendments"] == ["2"]
