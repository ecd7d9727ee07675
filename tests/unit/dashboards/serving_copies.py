"""Handwritten serving copies with every published table, empty except for the rows that a test gives.

The columns are those of the marts' contracts and of `orchestration/publishing`; a test names only those it needs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

Rows = Sequence[Mapping[str, Any]]

PUBLISHED_AT: Final = datetime(2021, 4, 20, 6, 0, tzinfo=UTC)
DATA_UNTIL_AT: Final = datetime(2021, 4, 20, 4, 30, tzinfo=UTC)

_MONEY: Final = "direct_nanos, pool_nanos, earned_nanos, earned_cents"
TABLES: Final[Mapping[str, str]] = {
    "marts.dim_artists": "artist_id, artist_name, latest_category, latest_category_from, credited_lives, left_on",
    "marts.dim_lives": (
        "live_id, title, kind, is_exclusive, duration_s, published_on, recorded_on, venue, city, genre, "
        "credited_artists, has_valid_credits, is_countable, ineligibility_reason"
    ),
    "marts.dim_live_credits": "live_id, artist_id, share_bp",
    "marts.fct_artist_lives": (
        "artist_id, live_id, settlement_month, title, watch_ms, paying_subscribers, direct_nanos"
    ),
    "marts.fct_artist_months": (
        "artist_id, settlement_month, category, is_pool_member, current_watch_ms, current_paying_subscribers, "
        "current_direct_nanos, current_to_pool_nanos, current_pool_nanos, current_earned_nanos, current_earned_cents, "
        "pro_rata_direct_nanos, pro_rata_pool_nanos, pro_rata_earned_nanos, pro_rata_earned_cents, booked_watch_ms, "
        "booked_paying_subscribers, booked_direct_nanos, booked_pool_nanos, booked_earned_nanos, booked_earned_cents, "
        "adjustment_cents, pending_adjustment_cents"
    ),
    "marts.fct_settlement_months": (
        "settlement_month, first_day, last_day, is_closed, is_in_look_back, catalogue, periods, idle_periods, "
        "envelope_nanos, direct_nanos, pool_nanos, pool_members, unbooked_periods, open_periods, open_envelope_nanos, "
        "policy_valid_from, price_cents, envelope_cents, minimum_live_s, minimum_pool_share_bp, minimum_payout_cents, "
        "look_back_months, payment_delay_days, pool_rule"
    ),
    "marts.fct_close_blockers": "settlement_month, reason, subject_id, found",
    "marts.fct_watch_days": "day, watch_ms, playbacks, usual_watch_ms, is_out_of_band",
    "marts.fct_player_health": (
        "day, device, app_version, playbacks, started_playbacks, single_heartbeat_playbacks, heartbeats, "
        "playing_heartbeats, unpositioned_heartbeats, tied_heartbeats, frozen_heartbeats, frozen_ms, "
        "sparse_heartbeats, uncounted_ms, outrunning_heartbeats, watch_ms, unsubscribed_ms, watchers, "
        "unsubscribed_watchers, two_device_watchers, delivered_heartbeats, rejects"
    ),
    "marts.fct_player_signs": "span, device, app_version, sign, found, among, first_day, last_day",
    "marts.fct_artist_audience": (
        "artist_id, month, viewers, new_viewers, returning_viewers, watch_ms, viewers_watch_ms, sole_artist_viewers"
    ),
    "marts.fct_live_months": (
        "live_id, month, watch_ms, playbacks, viewers, measured_playbacks, completed_playbacks, mean_completion_bp"
    ),
    "marts.fct_live_retention": "live_id, minute, watching_playbacks, started_playbacks",
    "marts.fct_live_starts": "live_id, month, surface, playbacks",
    "marts.fct_platform_days": (
        "day, month, active_subscribers, new_subscribers, churned_subscribers, reactivated_subscribers, watchers, "
        "watchers_7d, watchers_28d, watch_ms, playbacks, viewing_sessions, peak_concurrent_playbacks, peak_at"
    ),
    "marts.fct_platform_months": (
        "month, known_until_day, is_complete, active_subscribers, active_subscribers_at_start, "
        "active_subscribers_at_end, new_subscribers, churned_subscribers, reactivated_subscribers, gross_churn_bp, "
        "net_churn_bp, mrr_incl_vat_cents, mrr_excl_vat_cents, envelope_nanos, watch_ms, counting_watch_ms, watchers, "
        "idle_subscribers, idle_share_bp, playbacks, viewing_sessions, peak_concurrent_playbacks, peak_at"
    ),
    "marts.fct_subscriber_cohorts": (
        "cohort_month, months_since, month, subscribers, retained_subscribers, retained_bp"
    ),
    "marts.fct_emerging_visibility": (
        "month, category, watch_ms, watch_share_bp, money_nanos, money_share_bp, pro_rata_nanos, pro_rata_share_bp, "
        "watchers, viewers, reach_bp, first_discoveries, discoveries_per_1000_watchers, observed_discoveries, "
        "repeated_discoveries, repeat_bp, artists, watched_artists, gini_bp, hhi_bp, top10_share_bp, online_lives, "
        "watched_lives, coverage_bp, known_viewers, observed_known_viewers, known_to_emerging_viewers, "
        "known_to_emerging_bp"
    ),
    "marts.fct_category_starts": "month, category, surface, playbacks",
    "marts.fct_artist_visibility": (
        "artist_id, month, category, online_lives, viewers, watch_ms, watch_share_bp, first_discoveries, "
        "observed_discoveries, repeated_discoveries, from_known_viewers"
    ),
    "published.copy": "inputs, published_at, data_until_at",
    "published.artist_payouts": (
        f"settlement_month, artist_id, artist_name, category, watch_ms, paying_subscribers, {_MONEY}, "
        "adjustment_cents, brought_forward_cents, paid_cents, carried_forward_cents, carry_reason"
    ),
    "published.adjustments": (
        "settlement_month, corrects_month, artist_id, booked_cents, recomputed_cents, adjustment_cents"
    ),
    "published.closed_months": (
        "settlement_month, run_hash, closed_at, periods, idle_periods, envelope_nanos, envelope_cents, direct_nanos, "
        "pool_nanos, pool_members, earned_cents, adjustment_cents, brought_forward_cents, paid_cents, paid_artists, "
        "carried_forward_cents, open_periods, open_envelope_cents, payment_date, pool_rule, minimum_payout_cents"
    ),
    "published.estimates": (
        "settlement_month, artist_id, seen_on, earned_nanos, direct_nanos, pool_nanos, watch_ms, earned_cents"
    ),
    "published.statements": "settlement_month, artist_id",
    "published.payments": (
        "end_to_end_id, message_id, settlement_month, artist_id, state, state_on, paid_cents, withheld_cents, "
        "ordered_cents, returned_cents, withheld_back_cents, ordered_at, requested_on, executed_on, repeated_by, "
        "reason_code, reason_class, reason_fr, reason_en, waits_for, next_command"
    ),
    "published.payment_holds": "artist_id, held_at, operator, why",
    "published.ibans_set_aside": (
        "artist_id, masked_iban, set_aside_at, end_to_end_id, is_current, reason_code, reason_fr, reason_en"
    ),
    "published.payments_otherwise": "artist_id, paid_cents, means, paid_on, operator, why, taken_up_by",
    "published.unmatched_movements": (
        "movement, reason, booked_on, amount_cents, currency, counterparty, text, end_to_end_id, message_id, "
        "bank_file, imported_at"
    ),
    "published.open_balances": (
        "artist_id, balance_cents, carried_cents, pending_cents, carry_reason, carried_since, minimum_payout_cents"
    ),
    "published.payments_register": "head, lines, read_at",
    "published.what_if": "settlement_month, scenario, artist_id, category, earned_cents, paid_cents",
    "published.scenarios": "place, scenario, kind, value",
    "published.what_if_months": (
        "settlement_month, scenario, inputs, is_closed, with_balances, periods, own_envelopes, envelope_nanos, "
        "direct_nanos, pool_nanos, pool_members, earned_cents, paid_cents, paid_artists, carried_forward_cents"
    ),
    "published.rejects": "record_type, reason, rejects, last_loaded_at",
    "published.held_batches": "batch, record_type, reason, found, held_at, records, first_day, last_day",
    "published.checks": "name, asset, kind, status, severity, failures, message, description, checked_at",
    "published.freshness": "record_type, records, last_loaded_at, last_event_at",
}
"""Every table of a copy and its columns; the types follow from the names."""

_DATES: Final = frozenset({"day", "week_start", "payment_date", "latest_category_from", "policy_valid_from"})
_NUMBERS: Final = frozenset(
    {
        "viewers",
        "new_viewers",
        "returning_viewers",
        "sole_artist_viewers",
        "playbacks",
        "measured_playbacks",
        "completed_playbacks",
        "watching_playbacks",
        "started_playbacks",
        "minute",
        "periods",
        "idle_periods",
        "open_periods",
        "unbooked_periods",
        "pool_members",
        "paid_artists",
        "paying_subscribers",
        "current_paying_subscribers",
        "booked_paying_subscribers",
        "credited_lives",
        "credited_artists",
        "look_back_months",
        "payment_delay_days",
        "year",
        "quarter",
        "weekday",
        "months_since",
        "place",
        "value",
        "own_envelopes",
        "active_subscribers_at_start",
        "active_subscribers_at_end",
        "watchers",
        "watchers_7d",
        "watchers_28d",
        "viewing_sessions",
        "discoveries_per_1000_watchers",
        "artists",
        "watched_artists",
        "online_lives",
        "watched_lives",
        "rejects",
        "records",
        "failures",
        "lines",
        "among",
    }
)

_COUNTED: Final = frozenset({("found", "marts.fct_close_blockers"), ("found", "marts.fct_player_signs")})


def write_home(
    home: Path, *, published_at: datetime = PUBLISHED_AT, data_until_at: datetime | None = DATA_UNTIL_AT, **rows: Rows
) -> Path:
    """Write a data home whose serving copy has these rows, by table name without schema; return the home."""
    serving = home / "serving"
    serving.mkdir(parents=True, exist_ok=True)
    path = serving / f"allive-{len(list(serving.iterdir())):06d}-test.duckdb"
    given = {"copy": [{"inputs": "test", "published_at": published_at, "data_until_at": data_until_at}], **rows}
    with duckdb.connect(path) as con:
        con.execute("create schema marts")
        con.execute("create schema published")
        for table, columns in TABLES.items():
            names = columns.split(", ")
            con.execute(f"create table {table} ({', '.join(f'{name} {_type_of(name, table)}' for name in names)})")
            for row in given.pop(table.partition(".")[2], ()):
                unknown = set(row) - set(names)
                assert not unknown, f"{table} has no {sorted(unknown)}"
                con.execute(
                    f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values())
                )
    assert not given, f"no such tables: {sorted(given)}"
    link = serving / "current.duckdb"
    link.unlink(missing_ok=True)
    link.symlink_to(path.name)
    return home


def _type_of(column: str, table: str) -> str:
    if column in _DATES or column.endswith(("_on", "_day")):
        return "date"
    if column.endswith("_at"):
        return "timestamptz"
    if column.startswith(("is_", "has_", "with_")):
        return "boolean"
    if column == "duration_s":
        return "decimal(18, 3)"
    # `found` is a number in tables that count it, and text in the others.
    counted = column in _NUMBERS or (column, table) in _COUNTED
    if counted or column.endswith(
        (
            "_ms",
            "_nanos",
            "_cents",
            "_bp",
            "_s",
            "playbacks",
            "subscribers",
            "_viewers",
            "_discoveries",
            "heartbeats",
            "_watchers",
        )
    ):
        return "bigint"
    return "varchar"
