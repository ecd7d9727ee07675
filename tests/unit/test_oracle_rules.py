"""Every boundary of the rules, one by one, on the oracle."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.oracle import (
    Artist,
    Blocker,
    CannotCloseError,
    CategoryChange,
    Credit,
    Heartbeat,
    History,
    Live,
    Settlement,
    Snapshot,
    Subscription,
    WatchTime,
    instant,
)
from tests.oracle.history import carry_reason, is_iban, payment_date
from tests.oracle.landed_records import MINUTE_MS, judge
from tests.oracle.settlement import Policy
from tests.oracle.watch_time import PlaybackKey

NOON = instant("2021-02-05T12:00:00Z")
LONG_AGO = date(2020, 1, 1)
IBAN = "FR1420041010050500013M02606"
OTHER_IBAN = "DE89370400440532013000"


def beats(*moments: int, playback_id: str = "pb", live_id: str = "live", **values: Any) -> list[Any]:
    """Return playing heartbeats of one playback at these instants (epoch ms)."""
    given = {"subscriber_id": "sub", "state": "playing"} | values
    return [Heartbeat("ev", playback_id=playback_id, live_id=live_id, event_at=at, **given) for at in moments]


def watch_ms(heartbeats: list[Heartbeat]) -> int:
    return sum(WatchTime.of(heartbeats).by_playback().values())


def period(period_id: str = "in", start: str = "2021-02-01", end: str = "2021-03-01", **values: Any):
    given = {"subscriber_id": "sub", "status": "paid", "updated_at": 0} | values
    return Subscription(
        period_id,
        period_start=date.fromisoformat(start),
        period_end=date.fromisoformat(end),
        **given,
    )


def live(live_id: str = "live", duration_s: str = "1800", **values: Any) -> Live:
    given = {"kind": "live", "exclusive": True} | values
    return Live(live_id, "Concert", duration_s=Decimal(duration_s), **given)


def artist(artist_id: str, category: str = "emerging", **values: Any) -> list[Any]:
    return [Artist(artist_id, artist_id, **values), CategoryChange(artist_id, category, LONG_AGO)]


def platform(*more: Any) -> list[Any]:
    """Return one artist, one counting live, one paid period of February and ten seconds watched."""
    credited = [live(), Credit("live", "art", 10_000)]
    return [*artist("art"), *credited, period(), *beats(NOON, NOON + 10_000), *more]


def settled(records: list[Any], month: str = "2021-02") -> Settlement:
    return History().settle_open_month(month, Snapshot.of(records))


# §3: watch time


@pytest.mark.parametrize(("gap_ms", "expected_ms"), [(1, 1), (29_999, 29_999), (30_000, 30_000), (30_001, 30_000)])
def test_credit_is_capped_at_thirty_seconds(gap_ms: int, expected_ms: int) -> None:
    assert watch_ms(beats(NOON, NOON + gap_ms)) == expected_ms


@pytest.mark.parametrize("state", ["paused", "buffering", "seeking", "ended"])
def test_only_playing_earns(state: str) -> None:
    assert watch_ms(beats(NOON, NOON + 10_000, state=state)) == 0


def test_stalled_position_earns_nothing_but_a_missing_one_proves_no_stall() -> None:
    stalled = beats(NOON, NOON + 10_000, position_ms=5)
    assert watch_ms(stalled) == 0
    assert watch_ms([stalled[0], replace(stalled[1], position_ms=6)]) == 10_000
    assert watch_ms([stalled[0], replace(stalled[1], position_ms=None)]) == 10_000
    assert watch_ms(beats(NOON, NOON + 10_000)) == 10_000


def test_equal_instants_are_ordered_by_sequence_state_and_position() -> None:
    later = beats(NOON + 10_000)
    by_sequence = beats(NOON, sequence=1, state="paused") + beats(NOON, sequence=2)
    assert watch_ms(by_sequence + later) == 10_000
    missing_is_zero = beats(NOON, sequence=1, state="paused") + beats(NOON)
    assert watch_ms(missing_is_zero + later) == 0
    by_state = beats(NOON, state="paused") + beats(NOON)
    assert watch_ms(by_state + later) == 10_000
    seeking_is_after_playing = beats(NOON, state="seeking") + beats(NOON)
    assert watch_ms(seeking_is_after_playing + later) == 0
    by_position = beats(NOON, position_ms=7) + beats(NOON)
    assert watch_ms([*by_position, replace(later[0], position_ms=7)]) == 0


def test_playback_is_one_of_one_subscriber_and_live() -> None:
    mixed = beats(NOON, NOON + 60_000) + beats(NOON + 5_000, live_id="other")
    assert WatchTime.of(mixed).by_playback() == {
        PlaybackKey("pb", "sub", "live"): 30_000,
        PlaybackKey("pb", "sub", "other"): 0,
    }


def test_forged_copy_under_a_known_event_id_displaces_nothing() -> None:
    honest = beats(NOON, NOON + 10_000)
    forged = beats(NOON + 3_600_000, live_id="other")
    assert watch_ms(honest + forged) == 10_000


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2021-02-28T22:59:59.999Z", date(2021, 2, 28)),
        ("2021-02-28T23:00:00.000Z", date(2021, 3, 1)),
        ("2021-03-27T23:00:00Z", date(2021, 3, 28)),  # the day has 23 hours
        ("2021-03-28T21:59:59.999Z", date(2021, 3, 28)),
        ("2021-03-28T22:00:00Z", date(2021, 3, 29)),
        ("2020-10-24T22:00:00Z", date(2020, 10, 25)),  # the day has 25 hours
        ("2020-10-25T22:59:59.999Z", date(2020, 10, 25)),
        ("2020-10-25T23:00:00Z", date(2020, 10, 26)),
    ],
)
def test_credit_belongs_to_the_paris_day_of_its_heartbeat(moment: str, day: date) -> None:
    at = instant(moment)
    days = WatchTime.of(beats(at, at + 3 * 86_400_000)).by_day()
    assert days == {("sub", "live", day): (30_000, 1)}


@pytest.mark.parametrize(("gap_ms", "sessions"), [(30 * MINUTE_MS - 1, 1), (30 * MINUTE_MS, 2)])
def test_session_ends_where_everything_before_has_ended_for_thirty_minutes(gap_ms: int, sessions: int) -> None:
    television = beats(NOON, NOON + 3_600_000, playback_id="television")
    phone = beats(NOON + 1_000, NOON + 2_000, playback_id="phone")
    after = beats(NOON + 3_600_000 + gap_ms, playback_id="after")
    assert len(WatchTime.of(television + phone + after).sessions()) == sessions


# §4: what counts


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"duration_s": "1799"}, False),
        ({"duration_s": "1799.999"}, False),
        ({"duration_s": "1800"}, True),
        ({"duration_s": "1800.0"}, True),
        ({"exclusive": False}, False),
        ({"kind": "documentary"}, False),
        ({"kind": "clip"}, False),
        ({"kind": "studio"}, False),
    ],
)
def test_live_counts_if_live_exclusive_and_half_an_hour(changes: Any, *, counts: bool) -> None:
    catalogue = Snapshot.of([live(**changes)]).catalogue
    assert catalogue.counts("live", minimum_live_s=1800) is counts
    assert not catalogue.counts("unknown", minimum_live_s=1800)


def test_category_is_the_one_on_the_day_of_the_watching() -> None:
    change = CategoryChange("art", "known", date(2021, 2, 5))
    next_day = beats(NOON - 86_400_000, NOON - 86_400_000 + 5_000, playback_id="before")
    other = [*artist("other"), live("live-2"), Credit("live-2", "other", 10_000)]
    result = settled(platform(change, *next_day, *other))
    assert [(one.category, one.weight, one.destination) for one in result.slices] == [
        ("emerging", 5_000 * 10_000, "direct"),
        ("known", 10_000 * 10_000, "pool"),
    ]
    deleted = replace(change, is_deleted=True, updated_at=1)
    assert [one.category for one in settled(platform(change, deleted)).slices] == ["emerging"]


# §5: settling


@pytest.mark.parametrize(
    ("start", "end", "weight"),
    [
        ("2021-02-05", "2021-02-06", 100_000_000),
        ("2021-02-06", "2021-02-20", 0),
        ("2021-02-01", "2021-02-05", 0),
    ],
)
def test_period_is_half_open(start: str, end: str, weight: int) -> None:
    records = [one for one in platform() if not isinstance(one, Subscription)]
    [only] = settled([*records, period(start=start, end=end)]).slices
    assert only.weight == weight
    assert only.artist_id == ("art" if weight else None)
    assert only.amount_nanos == 1_000_000_000


@pytest.mark.parametrize(("end", "month"), [("2021-03-01", "2021-02"), ("2021-03-02", "2021-03")])
def test_last_day_decides_the_month(end: str, month: str) -> None:
    assert History().settlement_month(period(end=end)) == month


@pytest.mark.parametrize(
    ("values", "cents"),
    [
        ({}, 100),
        ({"price_cents": 60}, 60),
        ({"price_cents": 499}, 100),
        ({"price_cents": 499, "envelope_cents": 250}, 250),
        ({"price_cents": 499, "envelope_cents": 100, "refunded_cents": 450}, 49),
        ({"price_cents": 499, "envelope_cents": None, "refunded_cents": 399}, 100),
        ({"price_cents": 499, "envelope_cents": 100, "refunded_cents": 500}, 0),
        ({"price_cents": 0}, 0),
        ({"price_cents": 499, "envelope_cents": 0}, 0),
        ({"status": "refunded"}, 0),
        ({"status": "void"}, 0),
    ],
)
def test_envelope_of_a_period(values: dict[str, Any], cents: int) -> None:
    records = [one for one in platform() if not isinstance(one, Subscription)]
    result = settled([*records, period(**values)])
    assert result.envelope_nanos == cents * 10_000_000
    assert result.periods == (("in",) if cents else ())


def test_remainders_that_tie_go_to_the_smallest_artist() -> None:
    records = [period()]
    for artist_id in ("b", "a", "C"):
        credit = Credit(f"live-{artist_id}", artist_id, 10_000)
        seen = beats(NOON, NOON + 10_000, live_id=f"live-{artist_id}")
        records += [*artist(artist_id), live(f"live-{artist_id}"), credit, *seen]
    result = settled(records)
    assert result.direct_nanos == {"C": 333_333_334, "a": 333_333_333, "b": 333_333_333}
    assert result.earned_cents == {"C": 34, "a": 33, "b": 33}


def test_idle_envelope_goes_to_the_pool_and_the_pool_in_equal_parts() -> None:
    two_more = [*artist("x"), *artist("known", "known"), *artist("y", "independent")]
    shared = [Credit("live-2", one, bp) for one, bp in (("x", 1_000), ("y", 999), ("known", 8_001))]
    idle = period("in-idle", subscriber_id="idle")
    result = settled(platform(idle, *two_more, live("live-2"), *shared))
    assert result.members == ("art", "x")
    assert result.pool_nanos == {"art": 500_000_000, "x": 500_000_000}
    assert result.earned_cents == {"art": 150, "x": 50}


@pytest.mark.parametrize(
    ("values", "is_member"),
    [
        ({}, True),
        ({"left_on": date(2021, 1, 31)}, False),
        ({"left_on": date(2021, 2, 1)}, True),
    ],
)
def test_leavers_before_the_month_are_out_of_the_pool(values: dict[str, Any], *, is_member: bool) -> None:
    member = [*artist("x", **values), live("live-2"), Credit("live-2", "x", 10_000)]
    assert ("x" in settled(platform(*member)).members) is is_member


@pytest.mark.parametrize(
    ("published_on", "is_member"),
    [(None, True), (date(2021, 2, 28), True), (date(2021, 3, 1), False)],
)
def test_pool_needs_a_live_online_by_the_last_day(published_on: date | None, *, is_member: bool) -> None:
    credited = [live("live-2", published_on=published_on), Credit("live-2", "x", 10_000)]
    assert ("x" in settled(platform(*artist("x"), *credited)).members) is is_member


def test_pool_rule_direct_shares_by_direct_amounts_and_equally_where_all_are_zero() -> None:
    member = [*artist("x"), live("live-2"), Credit("live-2", "x", 10_000)]
    idle = period("in-idle", subscriber_id="idle")
    history = History(policy=Policy(pool_rule="direct"))
    watched = history.settle_open_month("2021-02", Snapshot.of(platform(*member, idle)))
    assert watched.pool_nanos == {"art": 1_000_000_000, "x": 0}
    unwatched = [one for one in platform(*member, idle) if not isinstance(one, Heartbeat)]
    assert history.settle_open_month("2021-02", Snapshot.of(unwatched)).pool_nanos == {
        "art": 1_000_000_000,
        "x": 1_000_000_000,
    }


def test_overlapping_periods_are_settled_each_on_its_own() -> None:
    result = settled(platform(period("in-2", "2021-02-04", "2021-02-20")))
    assert result.earned_cents == {"art": 200}
    assert [one.weight for one in result.slices] == [100_000_000, 100_000_000]
    assert result.paying_subscribers == {"art": 1}


def test_newest_credit_set_replaces_and_tied_sets_merge() -> None:
    newest = [Credit("live", "x", 4_000, 2), Credit("live", "art", 6_000, 2)]
    older = [Credit("live", "y", 10_000, 1)]
    catalogue = Snapshot.of([*newest, *older, newest[0]]).catalogue
    assert catalogue.shares("live") == (("art", 6_000), ("x", 4_000))


def test_latest_is_by_updated_at_then_by_content_never_by_arrival() -> None:
    first, second = live(duration_s="1799"), live(duration_s="1800")
    assert Snapshot.of([first, second]).catalogue.lives["live"] == second
    assert Snapshot.of([second, first]).catalogue.lives["live"] == second
    dated = replace(first, updated_at=1)
    assert Snapshot.of([dated, second]).catalogue.lives["live"] == dated


@pytest.mark.parametrize(
    ("without", "extra", "blocker"),
    [
        (Credit, [], Blocker("live_without_credits", "live")),
        (Credit, [Credit("live", "art", 9_999)], Blocker("credit_shares_not_10000", "live")),
        (
            Credit,
            [Credit("live", "art", 4_000), Credit("live", "art", 6_000)],
            Blocker("artist_credited_twice", "live"),
        ),
        (Artist, [], Blocker("artist_unknown", "art")),
        (
            CategoryChange,
            [CategoryChange("art", "emerging", date(2021, 2, 6))],
            Blocker("artist_without_category", "art"),
        ),
        (
            CategoryChange,
            [CategoryChange("art", "known", LONG_AGO)],
            Blocker("pool_without_members", "2021-02"),
        ),
    ],
)
def test_what_carries_weight_or_money_blocks_the_close(without: type, extra: list[Any], blocker: Blocker) -> None:
    records = [one for one in platform() if not isinstance(one, without)] + extra
    assert blocker in settled(records).blockers
    with pytest.raises(CannotCloseError):
        History().close("2021-02", Snapshot.of(records))
    unwatched = [one for one in records if not isinstance(one, Heartbeat | Subscription)]
    assert not settled(unwatched).blockers


# §6: after the close


def closed(records: list[Any], *months: str) -> History:
    history = History()
    for month in months:
        history.close(month, Snapshot.of(records))
    return history


def test_booked_period_stays_whatever_its_later_dates() -> None:
    history = closed(platform(), "2021-02")
    moved = period(start="2021-03-01", end="2021-04-01", updated_at=1)
    assert history.settlement_month(moved) == "2021-02"
    run = history.close("2021-03", Snapshot.of(platform(moved)))
    assert run.settlement.periods == ()
    assert run.adjustments == ()  # the period is idle now, but the only pool member gets the same euro


def test_unbooked_period_of_a_final_month_or_before_the_first_run_is_settled_next() -> None:
    history = closed(platform(), "2021-02", "2021-03", "2021-04", "2021-05")
    assert history.settlement_month(period("in-final", end="2021-02-28")) == "2021-06"
    assert history.settlement_month(period("in-back", "2021-03-01", "2021-04-01")) == "2021-03"
    assert history.settlement_month(period("in-first", "2021-01-01", "2021-02-01")) == "2021-06"
    next_run = history.close("2021-06", Snapshot.of(platform(period("in-first", "2021-01-08", "2021-02-06"))))
    assert [one.weight for one in next_run.settlement.slices] == [100_000_000]


def test_refund_and_late_heartbeats_become_adjustments() -> None:
    history = closed(platform(), "2021-02")
    refund = period(status="refunded", updated_at=1)
    run = history.close("2021-03", Snapshot.of(platform(refund)))
    assert [(one.corrects_month, one.adjustment_cents) for one in run.adjustments] == [("2021-02", -100)]
    assert history.balances == {"art": 0}


def test_backdated_catalogue_changes_no_closed_month_unless_amended() -> None:
    backdated = CategoryChange("art", "known", date(2020, 6, 1))
    member = [*artist("x"), live("live-2"), Credit("live-2", "x", 10_000)]
    for is_amended, cents in ((False, []), (True, [("art", -100), ("x", 100)])):
        history = closed(platform(*member), "2021-02")
        if is_amended:
            history.amend("2021-02")
        run = history.close("2021-03", Snapshot.of(platform(*member, backdated)))
        assert [(one.artist_id, one.adjustment_cents) for one in run.adjustments] == cents


def test_a_returned_payment_goes_into_the_balance_and_out_again() -> None:
    records = platform(*artist("art", iban=IBAN), period(envelope_cents=1_000, updated_at=1))
    history = closed(records, "2021-02")
    with pytest.raises(ValueError, match="0 cents cannot be returned"):
        history.write_off("art")
    assert history.return_payment("2021-02", "art") == 1_000
    [line] = history.close("2021-03", Snapshot.of(records)).lines
    assert (line.brought_forward_cents, line.earned_cents, line.paid_cents) == (1_000, 0, 1_000)


def test_a_written_off_balance_is_gone_and_has_a_line_that_says_so() -> None:
    records = platform(*artist("art", iban=IBAN), period(envelope_cents=1_000, updated_at=1))
    refunded = [*records, period(status="refunded", updated_at=2), CategoryChange("art", "known", date(2021, 3, 1))]
    history = closed(records, "2021-02")
    history.close("2021-03", Snapshot.of(refunded))
    assert history.write_off("art") == 1_000
    [line] = history.close("2021-04", Snapshot.of(refunded)).lines
    assert (line.brought_forward_cents, line.carried_forward_cents, line.carry_reason) == (0, 0, None)


def test_runs_close_in_order_without_gaps() -> None:
    history = closed(platform(), "2021-02")
    for wrong in ("2021-02", "2021-04", "2021-01"):
        with pytest.raises(ValueError, match="2021-03 is next"):
            history.close(wrong, Snapshot.of(platform()))


@pytest.mark.parametrize(
    ("cents", "month", "values", "reason"),
    [
        (0, "2021-02", {}, None),
        (-1, "2021-12", {"iban": IBAN}, "negative"),
        (999, "2021-02", {"iban": IBAN}, "below_minimum"),
        (1_000, "2021-02", {"iban": IBAN}, None),
        (1, "2021-12", {"iban": IBAN}, None),
        (1, "2021-02", {"iban": IBAN, "left_on": date(2021, 2, 28)}, None),
        (1, "2021-02", {"iban": IBAN, "left_on": date(2021, 3, 1)}, "below_minimum"),
        (1_000, "2021-02", {}, "no_iban"),
        (1_000, "2021-02", {"iban": IBAN[:-1] + "7"}, "bad_iban"),
    ],
)
def test_paid_in_full_or_carried_with_the_reason(
    cents: int, month: str, values: dict[str, Any], reason: str | None
) -> None:
    payee = Artist("art", "art", **values)
    found = carry_reason(cents, month=month, artist=payee, versions=[payee], policy=Policy())
    assert found == reason


@pytest.mark.parametrize(("days_before", "reason"), [(9, "iban_changed"), (10, None)])
def test_iban_younger_than_ten_days_on_the_payment_date_is_carried(days_before: int, reason: str | None) -> None:
    payment = payment_date("2021-02", Policy())
    assert payment == date(2021, 3, 10)
    changed_at = datetime(payment.year, payment.month, payment.day, 12, tzinfo=UTC)
    changed_ms = instant((changed_at - timedelta(days=days_before)).isoformat())
    before = Artist("art", "art", iban=OTHER_IBAN, updated_at=1)
    after = Artist("art", "art", iban=IBAN, updated_at=changed_ms)
    arguments = {"month": "2021-02", "artist": after, "policy": Policy()}
    assert carry_reason(1_000, versions=[before, after], **arguments) == reason
    assert carry_reason(1_000, versions=[after], **arguments) is None


def test_iban_needs_its_length_and_check_digits() -> None:
    assert is_iban(IBAN)
    assert is_iban(OTHER_IBAN)
    for wrong in (IBAN[:-1], f"{IBAN}0", "FR76 hello", "", "XX00", OTHER_IBAN.replace("89", "88")):
        assert not is_iban(wrong)


# INTERFACES.md, "Landing": reject reasons at their edges

GOOD_BEAT = {
    "event_id": "ev",
    "playback_id": "pb",
    "subscriber_id": "sub",
    "live_id": "live",
    "event_at": "2021-02-05T12:00:00.000Z",
    "state": "playing",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"received_at": "2021-02-05T11:50:00Z"}, None),
        ({"received_at": "2021-02-05T11:49:59.999Z"}, "in_future"),
        ({"received_at": "2021-03-12T12:00:00Z"}, None),
        ({"received_at": "2021-03-12T12:00:00.001Z"}, "too_late"),
        ({"event_at": "2015-01-01T00:00:00Z"}, None),
        ({"event_at": "2014-12-31T23:59:59.999Z"}, "too_old"),
        ({"event_at": "2021-02-07T00:00:00.001Z"}, "in_future"),  # a day after the load
        ({"event_at": "2021-02-05T12:00:00"}, "bad_event_at"),
        ({"event_at": "nonsense", "live_id": ""}, "missing_live_id"),
        ({"device": "fridge"}, None),
        ({"position_s": -1, "received_at": "soon", "state": "dancing"}, None),
        ({"state": 3}, "bad_state"),
        ({"subscriber_id": " 42.0"}, "bad_subscriber_id"),
        ({"subscriber_id": 42}, None),
    ],
)
def test_reject_reasons_of_a_heartbeat(changes: dict[str, Any], reason: str | None) -> None:
    loaded_at = instant("2021-02-06T00:00:00Z")
    verdict = judge("heartbeats", GOOD_BEAT | changes, loaded_at=loaded_at)
    assert (verdict if isinstance(verdict, str) else None) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"period_end": "2021-02-01"}, "period_order"),
        ({"period_end": "2021-03-08"}, None),
        ({"period_end": "2021-03-09"}, "period_too_long"),
        ({"envelope_cents": 500}, "envelope_above_price"),
        ({"envelope_cents": 500, "price_cents": None}, None),
        ({"refunded_cents": 500}, None),
        ({"refunded_cents": 1, "price_cents": None}, "refund_without_price"),
        ({"currency": "usd"}, "bad_currency"),
        ({"period_start": "2021-01-31T23:00:00Z"}, None),  # 1 February in Paris
    ],
)
def test_reject_reasons_of_a_period(changes: dict[str, Any], reason: str | None) -> None:
    good = {
        "period_id": "in",
        "subscriber_id": "sub",
        "period_start": "2021-02-01",
        "period_end": "2021-03-01",
        "status": "paid",
        "updated_at": "2021-02-01T00:00:00Z",
        "price_cents": 499,
    }
    verdict = judge("subscriptions", good | changes, loaded_at=NOON)
    assert (verdict if isinstance(verdict, str) else None) == reason
