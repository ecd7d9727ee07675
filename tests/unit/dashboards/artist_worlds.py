"""A small handwritten season for the artist pages: 2021-01 and 2021-02 are closed, 2021-03 is running.

`ada` is paid, `bo` is carried below the minimum, `cleo` is known, `dan` has left and was paid out, `eve` has no live
and no month yet, `flo` has one viewer.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.unit.dashboards.serving_copies import write_home

NANOS_PER_CENT = 10_000_000
HOUR_MS = 3_600_000
DIRECT_CENTS = 7_000
POOL_CENTS = 3_000
MEMBERS = 4


def payout(artist_id: str, month: str, **columns: Any) -> dict[str, Any]:
    """A booked month; amounts not given are zero, and nanos follow from `direct` and `pool` in cents."""
    direct, pool = columns.pop("direct", 0), columns.pop("pool", 0)
    earned = direct + pool
    return {
        "settlement_month": month,
        "artist_id": artist_id,
        "artist_name": artist_id,
        "category": "emerging",
        "watch_ms": 0,
        "paying_subscribers": 0,
        "direct_nanos": direct * NANOS_PER_CENT,
        "pool_nanos": pool * NANOS_PER_CENT,
        "earned_nanos": earned * NANOS_PER_CENT,
        "earned_cents": earned,
        "adjustment_cents": 0,
        "brought_forward_cents": 0,
        "paid_cents": 0,
        "carried_forward_cents": 0,
        "carry_reason": None,
        **columns,
    }


def artist_month(artist_id: str, month: str, **columns: Any) -> dict[str, Any]:
    """A month on today's data; amounts not given are zero, and nanos follow from the given cents."""
    direct, pool = columns.pop("direct", 0), columns.pop("pool", 0)
    pro_rata = columns.pop("pro_rata", direct + pool)
    return {
        "artist_id": artist_id,
        "settlement_month": month,
        "category": "emerging",
        "is_pool_member": True,
        "current_watch_ms": 0,
        "current_paying_subscribers": 0,
        "current_direct_nanos": direct * NANOS_PER_CENT,
        "current_to_pool_nanos": 0,
        "current_pool_nanos": pool * NANOS_PER_CENT,
        "current_earned_nanos": (direct + pool) * NANOS_PER_CENT,
        "current_earned_cents": direct + pool,
        "pro_rata_direct_nanos": (pro_rata - pool) * NANOS_PER_CENT,
        "pro_rata_pool_nanos": pool * NANOS_PER_CENT,
        "pro_rata_earned_nanos": pro_rata * NANOS_PER_CENT,
        "pro_rata_earned_cents": pro_rata,
        "adjustment_cents": 0,
        "pending_adjustment_cents": 0,
        **columns,
    }


def settlement_month(month: str, *, is_closed: bool) -> dict[str, Any]:
    """A month with subscriptions, on today's data."""
    return {
        "settlement_month": month,
        "first_day": date.fromisoformat(f"{month}-01"),
        "last_day": date.fromisoformat(f"{month}-28"),
        "is_closed": is_closed,
        "periods": 100,
        "direct_nanos": DIRECT_CENTS * NANOS_PER_CENT,
        "pool_nanos": POOL_CENTS * NANOS_PER_CENT,
        "pool_members": MEMBERS,
        "envelope_cents": 100,
        "minimum_payout_cents": 1_000,
        "pool_rule": "equal",
    }


def payment(artist_id: str, month: str, cents: int, state: str, **columns: Any) -> dict[str, Any]:
    """A payment in a state, ordered for the 10th of the next month; of the same day unless another is given."""
    day = date(int(month[:4]), int(month[5:]) + 1, 10)
    return {
        "end_to_end_id": f"ALV-{month}-{artist_id}",
        "message_id": f"ALV-{month}-1a2b3c4d5e6f-1",
        "settlement_month": month,
        "artist_id": artist_id,
        "state": state,
        "state_on": day,
        "paid_cents": cents + columns.get("withheld_cents", 0),
        "withheld_cents": 0,
        "ordered_cents": cents,
        "returned_cents": cents if state == "returned" else 0,
        "withheld_back_cents": 0,
        "requested_on": day,
        "executed_on": day if state in {"executed", "partly_returned", "returned"} else None,
        **columns,
    }


def closed_month(month: str, payment_date: date) -> dict[str, Any]:
    """A closed month's control totals."""
    return {
        "settlement_month": month,
        "direct_nanos": DIRECT_CENTS * NANOS_PER_CENT,
        "pool_nanos": POOL_CENTS * NANOS_PER_CENT,
        "pool_members": MEMBERS,
        "payment_date": payment_date,
        "pool_rule": "equal",
        "minimum_payout_cents": 1_000,
    }


def estimate(artist_id: str, day: int, **columns: int) -> dict[str, Any]:
    """The estimate for March on a given day, in cents."""
    direct, pool = columns.pop("direct"), columns.pop("pool")
    return {
        "settlement_month": "2021-03",
        "artist_id": artist_id,
        "seen_on": date(2021, 3, day),
        "direct_nanos": direct * NANOS_PER_CENT,
        "pool_nanos": pool * NANOS_PER_CENT,
        "earned_nanos": (direct + pool) * NANOS_PER_CENT,
        "earned_cents": direct + pool,
        **columns,
    }


def live(live_id: str, title: str, **columns: Any) -> dict[str, Any]:
    """A live that counts."""
    return {
        "live_id": live_id,
        "title": title,
        "kind": "live",
        "is_exclusive": True,
        "duration_s": 600,
        "published_on": date(2021, 1, 5),
        "recorded_on": date(2020, 12, 1),
        "city": "Lyon",
        "is_countable": True,
        "ineligibility_reason": None,
        **columns,
    }


def live_month(live_id: str, month: str, **columns: int) -> dict[str, Any]:
    """The watching of a live in a month."""
    return {"live_id": live_id, "month": month, "measured_playbacks": columns.get("playbacks", 0), **columns}


def audience(artist_id: str, month: str, new: int, returning: int, sole: int) -> dict[str, Any]:
    """A month's viewers, each of whom gave the artist a quarter of their time."""
    viewers = new + returning
    return {
        "artist_id": artist_id,
        "month": month,
        "viewers": viewers,
        "new_viewers": new,
        "returning_viewers": returning,
        "sole_artist_viewers": sole,
        "watch_ms": viewers * HOUR_MS,
        "viewers_watch_ms": viewers * 4 * HOUR_MS,
    }


def write_season(home: Path, **payments: Any) -> Path:
    """Write the season's serving copy, published on 20 March 2021, with tables of payments; return its data home."""
    return write_home(
        home,
        **payments,
        published_at=datetime(2021, 3, 20, 6, 0, tzinfo=UTC),
        data_until_at=datetime(2021, 3, 20, 4, 30, tzinfo=UTC),
        dim_artists=[
            {"artist_id": artist_id, "artist_name": name, "latest_category": category, "left_on": left_on}
            for artist_id, name, category, left_on in (
                ("ada", "Ada & the *Stars*", "emerging", None),
                ("bo", "Bo", "independent", None),
                ("cleo", "Cléo", "known", None),
                ("dan", "Dan", "emerging", date(2021, 2, 10)),
                ("eve", "Ève", "emerging", None),
                ("flo", "Flo", "emerging", None),
            )
        ],
        fct_settlement_months=[
            settlement_month("2021-01", is_closed=True),
            settlement_month("2021-02", is_closed=True),
            settlement_month("2021-03", is_closed=False),
        ],
        closed_months=[closed_month("2021-01", date(2021, 2, 10)), closed_month("2021-02", date(2021, 3, 10))],
        artist_payouts=[
            payout("ada", "2021-01", direct=2_000, pool=750, paying_subscribers=50, paid_cents=2_750),
            payout(
                "ada",
                "2021-02",
                direct=2_400,
                pool=750,
                watch_ms=30 * HOUR_MS,
                paying_subscribers=60,
                adjustment_cents=-41,
                paid_cents=3_109,
            ),
            payout(
                "bo",
                "2021-02",
                direct=3,
                pool=750,
                paying_subscribers=2,
                carried_forward_cents=753,
                carry_reason="below_minimum",
            ),
            payout("dan", "2021-02", pool=750, paid_cents=750),
            payout("flo", "2021-02", carried_forward_cents=-12, carry_reason="negative", brought_forward_cents=-12),
        ],
        adjustments=[
            {"settlement_month": "2021-02", "corrects_month": "2021-01", "artist_id": "ada", "adjustment_cents": -41}
        ],
        statements=[
            {"settlement_month": month, "artist_id": artist_id}
            for artist_id, month in (("ada", "2021-01"), ("ada", "2021-02"), ("bo", "2021-02"), ("dan", "2021-02"))
        ],
        fct_artist_months=[
            artist_month("ada", "2021-01", direct=1_959, pool=750),
            artist_month("ada", "2021-02", direct=2_400, pool=750, pro_rata=2_900),
            artist_month(
                "ada",
                "2021-03",
                direct=1_234,
                pool=900,
                current_watch_ms=12 * HOUR_MS,
                current_paying_subscribers=40,
            ),
            artist_month("bo", "2021-02", direct=3, pool=750),
            artist_month(
                "cleo",
                "2021-02",
                category="known",
                is_pool_member=False,
                current_to_pool_nanos=12_345 * NANOS_PER_CENT,
                current_watch_ms=90 * HOUR_MS,
            ),
            artist_month("dan", "2021-02", pool=750),
        ],
        estimates=[
            estimate("ada", 18, direct=1_000, pool=1_000, watch_ms=9 * HOUR_MS),
            estimate("ada", 19, direct=1_100, pool=950, watch_ms=10 * HOUR_MS),
            estimate("ada", 20, direct=1_234, pool=900, watch_ms=12 * HOUR_MS),
        ],
        dim_live_credits=[
            {"live_id": "l1", "artist_id": "ada", "share_bp": 10_000},
            {"live_id": "l2", "artist_id": "ada", "share_bp": 5_000},
            {"live_id": "l2", "artist_id": "bo", "share_bp": 5_000},
            {"live_id": "l3", "artist_id": "flo", "share_bp": 10_000},
        ],
        dim_lives=[
            live("l1", "Nuit [blanche]"),
            live("l2", "Duo", city=None, published_on=None, is_countable=False, ineligibility_reason="too_short"),
            live("l3", "Seule"),
        ],
        fct_artist_lives=[
            {
                "artist_id": "ada",
                "live_id": live_id,
                "settlement_month": "2021-02",
                "title": title,
                "watch_ms": HOUR_MS,
                "paying_subscribers": subscribers,
                "direct_nanos": cents * NANOS_PER_CENT,
            }
            for live_id, title, subscribers, cents in (("l1", "Nuit [blanche]", 58, 2_395), ("l2", "Duo", 2, 5))
        ],
        fct_live_months=[
            live_month("l1", "2021-02", watch_ms=20 * HOUR_MS, playbacks=70, viewers=60, mean_completion_bp=6_250),
            live_month("l2", "2021-02", watch_ms=1 * HOUR_MS, playbacks=3, viewers=3, mean_completion_bp=9_900),
            live_month("l1", "2021-03", watch_ms=12 * HOUR_MS, playbacks=30, viewers=25, mean_completion_bp=5_000),
            live_month("l3", "2021-02", watch_ms=1 * HOUR_MS, playbacks=1, viewers=1, mean_completion_bp=9_999),
        ],
        fct_live_retention=[
            *(
                {"live_id": "l1", "minute": minute, "watching_playbacks": watching, "started_playbacks": 100}
                for minute, watching in enumerate((100, 80, 60, 45, 30, 20, 10, 5, 4, 1))
            ),
            {"live_id": "l2", "minute": 0, "watching_playbacks": 3, "started_playbacks": 3},
            {"live_id": "l3", "minute": 0, "watching_playbacks": 1, "started_playbacks": 1},
        ],
        fct_live_starts=[
            {"live_id": live_id, "month": month, "surface": surface, "playbacks": playbacks}
            for live_id, month, surface, playbacks in (
                ("l1", "2021-02", "home", 50),
                ("l1", "2021-03", "home", 20),
                ("l1", "2021-02", "search", 21),
                ("l1", "2021-02", "external", 7),
                ("l1", "2021-03", "unknown", 2),
                ("l2", "2021-02", "home", 3),
                ("l3", "2021-02", "home", 1),
            )
        ],
        fct_platform_months=[
            {"month": "2021-01", "is_complete": True},
            {"month": "2021-02", "is_complete": True},
            {"month": "2021-03", "is_complete": False},
        ],
        fct_artist_audience=[
            audience("ada", "2021-01", new=50, returning=0, sole=10),
            audience("ada", "2021-02", new=40, returning=25, sole=20),
            audience("ada", "2021-03", new=3, returning=27, sole=28),
            audience("bo", "2021-02", new=2, returning=1, sole=0),
            audience("flo", "2021-02", new=1, returning=0, sole=1),
        ],
    )
